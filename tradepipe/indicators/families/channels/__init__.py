"""Channels and bands around prices."""
