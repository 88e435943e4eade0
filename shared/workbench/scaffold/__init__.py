"""A new operation: `make new FROM=<function> NAME=<function>` writes its files, and tells what is left to do."""
