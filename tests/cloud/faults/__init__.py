"""Faults on purpose: faults of calls, reads that lag behind, and changes by hand."""
