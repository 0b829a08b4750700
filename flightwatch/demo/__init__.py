"""The reference case, generated with known truth and played through the real parts, offline."""
