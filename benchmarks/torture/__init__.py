"""What is promised about reliability, tried by breaking it: `python -m benchmarks.torture` prints and keeps the table."""
