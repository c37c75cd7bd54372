"""Changing what is in a store from outside, whether an engine runs on it or not.

The interface is :class:`~.control.Control`. It has an implementation for each case: over an engine of this process,
straight into a store that no engine runs on, and through the control door of an engine in another process.
:func:`open_control` finds out which it takes. Reads of a store need no control: use ``open_reader``.
"""

from statefun_actors.admin.control.control import Control, DeadLetterRetry, Posting
from statefun_actors.admin.control.opening import open_control, running_engine
from statefun_actors.admin.control.over_engine import EngineControl
from statefun_actors.admin.control.over_socket import ControlSocketError, SocketControl
from statefun_actors.admin.control.over_store import StoreControl
from statefun_actors.admin.control.socket import ControlSocket

__all__ = [
    "Control",
    "ControlSocket",
    "ControlSocketError",
    "DeadLetterRetry",
    "EngineControl",
    "Posting",
    "SocketControl",
    "StoreControl",
    "open_control",
    "running_engine",
]
