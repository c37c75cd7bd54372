"""An engine with its services and resources, started and stopped together: the one composition root.

``statefun-actors run``, the runtimes and the test kit start their engines here. Importing this room loads neither a
database nor a web server.
"""

from statefun_actors.assembly.assembly import Assembly, Service

__all__ = ["Assembly", "Service"]
