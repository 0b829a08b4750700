"""The reference case in many generated worlds: how soon it is found, and which alerts are false."""
