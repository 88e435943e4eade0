"""What keyturn sends to a cloud, kept as fixtures and held to the vendors' own models."""
