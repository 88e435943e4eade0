"""What keyturn is measured against: handlers as one writes them from the vendors' pages, and what starts them.

None of these files imports another one: each runs alone, in a process of its own.
"""
