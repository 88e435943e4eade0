"""`make bench`: the costs of a cold start, a warm command, a zip and the API's own limit, compared with other clients.

Figures that depend on the machine are ratios between processes that ran in turn, in one run. CI runs the short form,
which checks the figures that do not depend on the machine (bytes, connections, calls).
"""
