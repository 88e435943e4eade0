"""One change from the first look to its proof: the port that clouds keep, the table of its states, logins."""
