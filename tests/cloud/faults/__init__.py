"""What goes wrong on purpose: faults of calls, reads that lag behind, changes that somebody makes by hand."""
