"""Secrets that nobody sends: the store port, write-ahead, versions, sealing."""
