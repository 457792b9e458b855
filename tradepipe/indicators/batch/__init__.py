"""Whole partitions: windows laid over the bars, kernels over chunks of series, and what stands beside a bar."""
