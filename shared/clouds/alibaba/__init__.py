"""Alibaba Cloud: one session, one file a service."""
