"""What keyturn believes of the clouds: the rows of `tests/cloud/claims.toml`, for tests and for the workbench."""
