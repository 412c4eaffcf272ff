"""Several strategies as one: how much each counts, and what of their wishes is traded."""
