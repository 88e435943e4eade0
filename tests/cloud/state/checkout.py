"""The folder of the checkout. Commands start there, and files are read from there."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]
