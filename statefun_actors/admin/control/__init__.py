"""Changes a store from outside, with or without an engine running on it.

The interface is :class:`~.interface.Control`. It has an implementation for each case: for an engine of this process,
for a store without an engine, and for the control socket of an engine in another process.
:func:`open_control` selects one. Reads of a store need no control: use ``open_reader``.
"""

from statefun_actors.admin.control.interface import Control, DeadLetterRetry, FieldEdit, Posting, TimerKey
from statefun_actors.admin.control.over_engine import EngineControl
from statefun_actors.admin.control.over_socket import ControlSocketError, SocketControl
from statefun_actors.admin.control.over_store import StoreControl
from statefun_actors.admin.control.selecting import open_control, running_engine
from statefun_actors.admin.control.socket import ControlSocket

__all__ = [
    "Control",
    "ControlSocket",
    "ControlSocketError",
    "DeadLetterRetry",
    "EngineControl",
    "FieldEdit",
    "Posting",
    "SocketControl",
    "StoreControl",
    "TimerKey",
    "open_control",
    "running_engine",
]
