"""Tencent Cloud: its gateway (API 3.0, TC3), and one file for each service."""
