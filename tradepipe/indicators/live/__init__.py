"""Bar by bar: one indicator of one series, or all of many symbols, kept and restored."""
