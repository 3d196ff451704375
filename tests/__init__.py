"""The test suite, run once per database vendor."""
