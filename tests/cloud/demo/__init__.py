"""`make demo`: real passwords change on both stand-in clouds, and clients that are not keyturn's prove it."""
