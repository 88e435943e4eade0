"""The one HTTP server: a call's way to its service, the control paths, and the command `serve`."""
