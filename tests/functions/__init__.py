"""Tests of functions/ and of the events beside them."""
