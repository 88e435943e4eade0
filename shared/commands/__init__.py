"""What a command is: its fields, password rules, secrets and references to them."""
