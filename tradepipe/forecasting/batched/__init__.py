"""ARMA fitted to many series at once: exact likelihood, analytic gradient, no interpreter in the loop."""
