"""The stand-in's HTTP server, and those who call it."""
