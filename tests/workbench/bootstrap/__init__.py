"""Bootstrap, on accounts that hold nothing, all, or what somebody made by hand."""
