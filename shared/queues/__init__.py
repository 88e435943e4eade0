"""Queues: one port, and one file for each kind. A file is imported only when a URL names its kind."""
