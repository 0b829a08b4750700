"""How fast the store writes and reads: `python -m benchmarks.store`."""
