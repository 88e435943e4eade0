"""Tests of shared/handlers: whole invocations."""
