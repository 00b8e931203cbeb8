"""Breaks the core one place at a time, and shows which tests notice: mutation testing.

It is needed before tests are deleted, and to see what new tests do not notice.

cosmic-ray makes the mutants and keeps the session. The rest is here: a sample for each package
of the core, the choice of tests by the lines that each one reaches, and runs that cost seconds.
"""
