"""Tests of shared/workbench."""
