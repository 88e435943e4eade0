"""The HTTP server: it takes a call to its service, has the control paths, and runs as the command `serve`."""
