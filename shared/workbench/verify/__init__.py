"""Checks the rows of `tests/cloud/claims.toml` on a real account: which of keyturn's claims about a cloud are true
there.
"""
