"""In a packaged function's place of APScheduler; see schedulers/background.py."""
