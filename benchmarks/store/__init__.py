"""How fast the store writes and answers: `python -m benchmarks.store`."""
