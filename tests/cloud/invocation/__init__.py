"""One fresh process an invocation, and the queue trigger that starts them: the commands `invoke` and `run`."""
