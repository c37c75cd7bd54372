"""``statefun-actors module``."""
