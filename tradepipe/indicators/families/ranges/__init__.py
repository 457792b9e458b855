"""Ranges: how far prices travel within and between bars."""
