"""Perpetual futures: funding, basis and open interest, where the market fetches them."""
