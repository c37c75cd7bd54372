"""Looking into a store and changing it, whether an engine runs on it or not."""

from statefun_actors.admin.control.control import (
    Control,
    DeadLetterRetry,
    Posting,
)
from statefun_actors.admin.control.opening import (
    open_control,
    running_engine,
)
from statefun_actors.admin.control.over_engine import (
    EngineControl,
)
from statefun_actors.admin.control.over_socket import (
    ControlSocketError,
    SocketControl,
)
from statefun_actors.admin.control.over_store import (
    StoreControl,
)
from statefun_actors.admin.control.socket import (
    ControlSocket,
)
from statefun_actors.admin.entities import (
    read_entities,
)
from statefun_actors.admin.entity_view import (
    EntityView,
    form_of,
    view_entity,
)
from statefun_actors.admin.portable.exporting import (
    export_store,
)
from statefun_actors.admin.portable.importing import (
    BadExportError,
    StoreNotEmptyError,
    import_store,
)
from statefun_actors.admin.portable.known import (
    known_codecs,
)

__all__ = [
    "BadExportError",
    "Control",
    "ControlSocket",
    "ControlSocketError",
    "DeadLetterRetry",
    "EngineControl",
    "EntityView",
    "Posting",
    "SocketControl",
    "StoreControl",
    "StoreNotEmptyError",
    "export_store",
    "form_of",
    "import_store",
    "known_codecs",
    "open_control",
    "read_entities",
    "running_engine",
    "view_entity",
]
