"""Who calls the clouds and what they may: keys, roles, policy documents, and the services' first-use consents."""
