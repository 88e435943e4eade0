"""Plays the rows of `tests/cloud/claims.toml` on an account: which of what keyturn believes of a cloud is so."""
