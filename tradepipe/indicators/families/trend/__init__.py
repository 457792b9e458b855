"""Trend: which way prices go, and where that would turn."""
