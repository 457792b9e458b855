"""When kernels are compiled, and where that is kept."""
