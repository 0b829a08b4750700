"""The cost of reading the world: every stage against a named reference in the same run."""
