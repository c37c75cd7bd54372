"""``statefun-actors run`` beside Restate's server and SDK: ``python -m tests.benchmarks.restate``."""
