"""Rotation: a policy for a fleet, the ages of its secrets, and a command for each that is due."""
