"""Sets up the virtual environment that the Makefile's targets run in."""
