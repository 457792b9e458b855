"""Liquidity estimated from prices and volumes."""
