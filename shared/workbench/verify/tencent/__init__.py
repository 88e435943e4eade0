"""Checks on Tencent Cloud."""
