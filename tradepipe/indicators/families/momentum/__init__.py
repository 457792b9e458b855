"""Momentum: how far and how one-sidedly prices moved."""
