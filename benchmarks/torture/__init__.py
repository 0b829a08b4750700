"""What is promised about reliability, tried by breaking it: `make torture` prints one table and keeps it."""
