"""One invocation: the entry point, an operation at work, following, and which adapter a name means."""
