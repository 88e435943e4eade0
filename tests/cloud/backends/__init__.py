"""The real servers behind the stand-in: Redis and the container registry."""
