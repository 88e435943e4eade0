"""Where this checkout is."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]
"""The folder that holds serverless.yml, functions/ and shared/."""
