"""Commands of the example's hospital."""
