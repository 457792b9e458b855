"""The figures of `benchmarks.indicators`."""
