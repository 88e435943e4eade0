"""One change, from the first look to its proof: the protocol of the clouds, the table of steps, and logins."""
