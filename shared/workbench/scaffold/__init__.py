"""A new operation: `make new FROM=<function> NAME=<function>` writes its files, and says what is left to do."""
