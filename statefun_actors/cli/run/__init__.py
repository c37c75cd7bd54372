"""``statefun-actors run``."""
