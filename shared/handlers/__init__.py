"""One invocation: its entry point, the handlers of the functions, and the choice of adapters."""
