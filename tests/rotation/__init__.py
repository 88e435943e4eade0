"""Tests of shared/rotation."""
