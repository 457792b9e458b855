"""What the parts of benchmarks share: data, peers, processes and turns."""
