"""For the people who build and deploy keyturn. It does not ship, and nothing that ships imports it."""
