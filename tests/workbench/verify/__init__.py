"""Tests of shared/workbench/verify."""
