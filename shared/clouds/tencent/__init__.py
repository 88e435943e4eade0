"""Tencent Cloud: one session for all services, and one file for each service."""
