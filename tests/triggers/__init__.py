"""Tests of shared/triggers."""
