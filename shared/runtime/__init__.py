"""The lowest room: the platform, settings, role credentials, the deadline, log redaction, errors, cold start."""
