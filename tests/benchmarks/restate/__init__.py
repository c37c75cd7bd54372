"""``statefun-actors run`` next to Restate's server and SDK: ``python -m tests.benchmarks.restate``."""
