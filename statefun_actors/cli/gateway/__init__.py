"""``statefun-actors gateway``."""
