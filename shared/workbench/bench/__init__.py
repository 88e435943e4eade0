"""`make bench`: what a cold start, a warm command, a zip and the API's own limit come to, beside what others offer.

Figures that depend on the machine are ratios between processes that ran in turn, in one run. What does not depend on it
(bytes, connections, calls) is also checked by the short form, which CI runs.
"""
