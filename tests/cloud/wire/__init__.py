"""Requests and replies, signatures, and what a service of the stand-in is."""
