"""Tests of shared/changes."""
