"""The hospital of the example: its tables, its records and what can go wrong with them."""
