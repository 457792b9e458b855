"""Funding, mark prices, open interest and order books of derivatives."""
