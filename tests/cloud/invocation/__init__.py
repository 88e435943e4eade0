"""One fresh process an invocation, and the queue trigger beside it: what `invoke` and `run` do."""
