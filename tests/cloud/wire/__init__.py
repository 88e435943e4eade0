"""HTTP requests and replies, signatures, and the interfaces of a service and its gateway."""
