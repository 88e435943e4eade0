"""Tests of shared/queues."""
