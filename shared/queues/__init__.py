"""Queues: one port, one file a kind, imported only when a URL names it."""
