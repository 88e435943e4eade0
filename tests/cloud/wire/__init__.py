"""What travels: HTTP requests and replies, signatures, and what a service and the gateway before it are."""
