"""Rotation: the policy for a fleet, the ages of its secrets, and a command for each credential that is due."""
