"""The rooms that call a cloud: the only ones, beside `queues`, that import a vendor's SDK."""
