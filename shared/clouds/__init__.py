"""The code that calls the clouds. Only `clouds` and `queues` import a vendor's SDK."""
