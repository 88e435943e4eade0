"""How costs grow with the size of a fleet: a firing's instances, a report's events, an event's commands.

The cloud and the queue run in other processes. Only keyturn's process is measured, from its start to its end.
"""
