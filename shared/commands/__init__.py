"""The model of a command: its fields, password rules, secrets and references to stores."""
