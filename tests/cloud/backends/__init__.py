"""The real servers behind the stand-in, and the child processes that they run in: Redis, the container registry,
RabbitMQ."""
