"""``statefun-actors flink``."""
