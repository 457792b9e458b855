"""Volatility of returns."""
