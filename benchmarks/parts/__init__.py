"""The parts of the benchmarks, a package for each: a module a subject, whose `measure` returns figures."""
