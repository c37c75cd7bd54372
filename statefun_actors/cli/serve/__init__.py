"""``statefun-actors serve``."""
