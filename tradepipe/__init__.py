"""tradepipe: market data into explained decisions, as partitioned Dagster assets."""

__version__ = "0.1.0"
