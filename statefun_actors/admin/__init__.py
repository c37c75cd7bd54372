"""Inspects and changes a store, with or without an engine running on it."""

from statefun_actors.admin.answering import (
    AmbiguousTokenError,
    find_ask,
)
from statefun_actors.admin.control.engine_state import (
    EngineState,
    state_of,
)
from statefun_actors.admin.control.interface import (
    Control,
    DeadLetterRetry,
    FieldEdit,
    Posting,
    TimerKey,
)
from statefun_actors.admin.control.over_engine import (
    EngineControl,
)
from statefun_actors.admin.control.over_partitions import (
    PartlyChangedError,
)
from statefun_actors.admin.control.over_socket import (
    ControlSocketError,
    SocketControl,
)
from statefun_actors.admin.control.over_store import (
    StoreControl,
)
from statefun_actors.admin.control.selecting import (
    is_running,
    open_control,
    running_engine,
)
from statefun_actors.admin.control.socket import (
    ControlSocket,
)
from statefun_actors.admin.field_edits import (
    StoredField,
    UneditableFieldError,
)
from statefun_actors.admin.instances import (
    read_entities,
)
from statefun_actors.admin.portable.exporting import (
    export_store,
)
from statefun_actors.admin.portable.importing import (
    BadExportError,
    StoreNotEmptyError,
    import_store,
)
from statefun_actors.admin.portable.known_codecs import (
    known_codecs,
)
from statefun_actors.admin.views.around import (
    Surroundings,
    WaitingItem,
    view_surroundings,
)
from statefun_actors.admin.views.conversations import (
    AskItem,
    ScheduleItem,
    ask_item,
    list_asks,
    list_schedules,
)
from statefun_actors.admin.views.dead_letters import (
    DeadLetterItem,
    list_dead_letters,
    show_dead_letter,
)
from statefun_actors.admin.views.egress import (
    EgressItem,
    list_egress,
)
from statefun_actors.admin.views.entities import (
    TypeItem,
    known_types,
    list_entities,
    list_types,
    show_entity,
    type_or_address,
)
from statefun_actors.admin.views.entity_view import (
    EntityView,
    view_entity,
)
from statefun_actors.admin.views.failing import (
    FailingItem,
    failing_item,
    list_failing,
)
from statefun_actors.admin.views.finding import (
    field_matcher,
)
from statefun_actors.admin.views.history import (
    place_of as history_place,
)
from statefun_actors.admin.views.history import (
    view_history,
)
from statefun_actors.admin.views.history_conversation import (
    Arrow,
    Conversation,
    view_conversation,
)
from statefun_actors.admin.views.history_items import (
    FieldChange,
    HistoryItem,
    SentItem,
)
from statefun_actors.admin.views.json_values import (
    form_of,
    message_inside,
)
from statefun_actors.admin.views.overview import (
    MOST_COUNTED,
    StoreOverview,
    view_store,
)
from statefun_actors.admin.views.paused import (
    PausedItem,
    list_paused,
)
from statefun_actors.admin.views.soundness import (
    StoreCheck,
    check_store,
)
from statefun_actors.admin.views.timers import (
    TimerItem,
    find_timers,
    list_timers,
)
from statefun_actors.admin.views.times import (
    time_text,
)
from statefun_actors.admin.writing import (
    WrittenValueError,
    edited_retry,
    refuse_repeated_keys,
    written_answer,
    written_message,
)

__all__ = [
    "MOST_COUNTED",
    "AmbiguousTokenError",
    "Arrow",
    "AskItem",
    "BadExportError",
    "Control",
    "ControlSocket",
    "ControlSocketError",
    "Conversation",
    "DeadLetterItem",
    "DeadLetterRetry",
    "EgressItem",
    "EngineControl",
    "EngineState",
    "EntityView",
    "FailingItem",
    "FieldChange",
    "FieldEdit",
    "HistoryItem",
    "PartlyChangedError",
    "PausedItem",
    "Posting",
    "ScheduleItem",
    "SentItem",
    "SocketControl",
    "StoreCheck",
    "StoreControl",
    "StoreNotEmptyError",
    "StoreOverview",
    "StoredField",
    "Surroundings",
    "TimerItem",
    "TimerKey",
    "TypeItem",
    "UneditableFieldError",
    "WaitingItem",
    "WrittenValueError",
    "ask_item",
    "check_store",
    "edited_retry",
    "export_store",
    "failing_item",
    "field_matcher",
    "find_ask",
    "find_timers",
    "form_of",
    "history_place",
    "import_store",
    "is_running",
    "known_codecs",
    "known_types",
    "list_asks",
    "list_dead_letters",
    "list_egress",
    "list_entities",
    "list_failing",
    "list_paused",
    "list_schedules",
    "list_timers",
    "list_types",
    "message_inside",
    "open_control",
    "read_entities",
    "refuse_repeated_keys",
    "running_engine",
    "show_dead_letter",
    "show_entity",
    "state_of",
    "time_text",
    "type_or_address",
    "view_conversation",
    "view_entity",
    "view_history",
    "view_store",
    "view_surroundings",
    "written_answer",
    "written_message",
]
