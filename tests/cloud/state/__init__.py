"""What the stand-in holds and lives by: the world, its clock, its history, its request rate."""
