"""`make report`: one static HTML page of what happened, from a results queue or from files of result events.

Everything that an event says is untrusted text: it is cleaned when read and escaped when written. The page holds no
script and asks no host; the same input gives the same bytes.
"""
