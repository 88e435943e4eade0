"""The stand-in for both clouds: one loopback server with state, rules, and real Redis servers behind it."""
