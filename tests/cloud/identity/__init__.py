"""Who calls the clouds, and what they may do: keys, roles, policy documents, and the first-use consents of services."""
