"""The figures of `benchmarks.data`, a module a subject."""
