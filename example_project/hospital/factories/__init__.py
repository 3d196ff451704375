"""Factories of believable records, one per table, deterministic for a seed."""
