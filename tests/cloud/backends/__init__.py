"""The real servers behind the stand-in (Redis, the container registry, RabbitMQ), and the child processes that run
them.
"""
