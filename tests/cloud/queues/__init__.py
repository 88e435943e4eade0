"""The clouds' queues as the stand-in keeps them, a real RabbitMQ, and how tests read any queue."""
