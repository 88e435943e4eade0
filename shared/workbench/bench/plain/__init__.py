"""The programs that keyturn is compared with: handlers written by the vendors' pages, and the program that starts them.

None of these files imports another one. Each runs in its own process.
"""
