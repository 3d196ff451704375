"""A real browser on the example hospital, as ``make run`` serves it: ``make test-browser``."""
