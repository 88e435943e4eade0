"""Tests of shared/results."""
