"""One signed call of either cloud's API, by the vendors' own clients and with nothing of keyturn's reading of it."""
