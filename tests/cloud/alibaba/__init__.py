"""Alibaba Cloud as the stand-in plays it: its gates, and one file a service."""
