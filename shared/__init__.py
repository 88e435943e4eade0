"""The rooms that every function shares: platform, triggers, command, change, clouds, result, queues, reply."""
