"""The stand-in for both clouds: one loopback server that holds state and rules, with real Redis servers behind it."""
