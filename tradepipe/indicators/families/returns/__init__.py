"""Returns from one bar to the next."""
