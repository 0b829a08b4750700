"""How good the detector is, beside others, on worlds with known truth and on real boards with injected surges."""
