"""Tencent Cloud as the stand-in plays it: its gate, and one file a service."""
