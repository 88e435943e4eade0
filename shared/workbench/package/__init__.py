"""One zip a function, which runs by itself on the platform."""
