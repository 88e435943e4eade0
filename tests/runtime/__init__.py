"""Tests of shared/runtime."""
