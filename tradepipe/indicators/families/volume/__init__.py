"""Volume: what was traded, and on which side of the market."""
