"""What happened: the outcome, its CloudEvent, and how it is published."""
