"""Runs each invocation in a fresh process, and plays the queue trigger: the commands `invoke` and `run`."""
