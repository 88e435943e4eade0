"""`make demo`: changes real passwords on both stand-in clouds. Clients that are not keyturn's prove it."""
