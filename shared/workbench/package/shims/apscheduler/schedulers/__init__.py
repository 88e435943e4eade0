"""Replaces APScheduler in packaged functions; see background.py."""
