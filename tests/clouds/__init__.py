"""Tests of shared/clouds."""
