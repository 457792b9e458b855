"""Watching work while it runs."""
