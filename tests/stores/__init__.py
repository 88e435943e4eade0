"""Tests of shared/stores."""
