"""Builds one zip for each function. The zip needs nothing else to run on its platform."""
