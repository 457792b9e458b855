"""The figures of `benchmarks.forecasts`."""
