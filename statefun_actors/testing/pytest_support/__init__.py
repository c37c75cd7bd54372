"""What the pytest plugin does for a test that uses the kit. The plugin itself is ``statefun_actors.pytest_plugin``."""

from statefun_actors.testing.pytest_support.comparison import explained
from statefun_actors.testing.pytest_support.fixture import HostileRun, hostile_runs, runtime_during
from statefun_actors.testing.pytest_support.reports import forget_runtimes, logs
from statefun_actors.testing.seeds import force_seed

__all__ = ["HostileRun", "explained", "force_seed", "forget_runtimes", "hostile_runs", "logs", "runtime_during"]
