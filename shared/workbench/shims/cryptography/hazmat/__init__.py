"""See cryptography."""
