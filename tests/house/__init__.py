"""How the checkout itself is built: rooms and imports, sizes, the files that editors, hooks and GitHub read."""
