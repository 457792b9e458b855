"""The figures of `benchmarks.data`."""
