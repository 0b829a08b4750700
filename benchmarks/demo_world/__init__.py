"""The reference case in many generated worlds: how soon it is found, and what is found that is not there."""
