"""The stand-in's state: the world file, its clock, the history of what was applied, the rate of requests, and its
accounts.
"""
