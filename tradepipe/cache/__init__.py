"""The cache of latest windows, which knows market hours."""
