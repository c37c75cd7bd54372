"""What dispatch has to know of a function type, whichever way its user wrote it: as a class or as a function."""

from statefun_actors.definition.annotations import (
    UnresolvedAnnotationError,
    class_annotations,
    message_types,
    parameter_annotation,
    resolve,
)
from statefun_actors.definition.function import FunctionType, Handler, HandlerOptions, bind_handlers
from statefun_actors.definition.policy import DeadLetter, Discard, FailurePolicy
from statefun_actors.definition.scope import Scope, delay_ms
from statefun_actors.definition.states import Field, Persisted, field_problems, make_field, persisted

__all__ = [
    "DeadLetter",
    "Discard",
    "FailurePolicy",
    "Field",
    "FunctionType",
    "Handler",
    "HandlerOptions",
    "Persisted",
    "Scope",
    "UnresolvedAnnotationError",
    "bind_handlers",
    "class_annotations",
    "delay_ms",
    "field_problems",
    "make_field",
    "message_types",
    "parameter_annotation",
    "persisted",
    "resolve",
]
