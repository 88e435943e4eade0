"""How what a fleet costs grows with it: a firing's instances, a report's events, an event's commands.

Cloud and queue stand in processes of their own: what is measured is one process of ours, from its start to its end.
"""
