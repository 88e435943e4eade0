"""Secrets that a store keeps: the store protocol, write-ahead, versions, promotion, sealing."""
