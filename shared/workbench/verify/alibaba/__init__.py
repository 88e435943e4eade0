"""Checks on Alibaba Cloud."""
