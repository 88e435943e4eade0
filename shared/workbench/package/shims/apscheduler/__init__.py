"""Replaces APScheduler in packaged functions; see schedulers/background.py."""
