"""Mutation testing: the quick tests must notice each small change of the shipped code.

`candidates` lists every mutant of the four rooms. `drawing` picks some of them by a seed. `judging` runs the quick
tests on each of these in a copy of the checkout. `equivalents` lists the mutants that change no behaviour. The
developer's own files are never changed.

The mutants come from mutmut's operators. mutmut's runner is not used: it skips functions with decorators (properties,
validators, context managers), and it mutates no module constants. cosmic-ray, the other maintained tool, needs packages
that have no wheels.
"""
