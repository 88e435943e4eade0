"""Mutation testing: small changes of the shipped code, each of which the quick tests must notice.

`candidates` lists every mutant of the four rooms, `drawing` picks some of them by a seed, `judging` runs the quick
tests on each in a copy of the checkout, `equivalents` knows those that change no behaviour. The source that a developer
works on is never touched.

A mutant is what one of mutmut's operators makes of one place. Its runner is not used: it leaves functions with
decorators as they are (properties, validators, context managers), mutates no constant of a module, and does not stop
between two copies of the checkout. cosmic-ray, the other tester that is kept, needs packages that no wheel brings.
"""
