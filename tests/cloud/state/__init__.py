"""What the stand-in holds and lives by: the world file, its clock, what was applied, the rate of requests; whose
accounts it plays."""
