"""The stand-in as its callers hold it: its process, its clock, both clouds' SDKs, logins, queues, functions' URLs."""
