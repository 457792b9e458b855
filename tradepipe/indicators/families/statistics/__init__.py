"""Statistics of windows: moments, order, trend and co-movement."""
