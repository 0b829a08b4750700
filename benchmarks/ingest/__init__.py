"""What it costs to read the world: every stage against a named reference in the same run."""
