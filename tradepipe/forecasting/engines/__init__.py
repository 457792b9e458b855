"""Engines behind one interface, and the router that chooses among them."""
