"""How good the detector is, beside others, on worlds whose truth is known and on real boards with surges injected."""
