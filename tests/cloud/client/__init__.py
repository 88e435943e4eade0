"""What callers of the stand-in need: its process, its clock, both clouds' SDKs, logins, queues, URLs of functions."""
