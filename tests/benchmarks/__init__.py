"""What README.md says about speed, measured: `make bench`, or `python -m tests.benchmarks a f` for some of it.

What is claimed (A) and its floor (B) are measured in turn on one server, in several short rounds; a figure is the
median, and counts as a ratio to its floor in the same run. Nothing here is asserted: a slow machine is no defect.
"""
