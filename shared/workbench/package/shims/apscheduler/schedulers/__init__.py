"""In a packaged function's place of APScheduler; see background.py."""
