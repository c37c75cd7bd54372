"""Function types as dispatch sees them, whether they were written as a class or as a function."""

from statefun_actors.definition.annotations import (
    UnresolvedAnnotationError,
    class_annotations,
    message_types,
    parameter_annotation,
    resolve,
    return_annotation,
)
from statefun_actors.definition.answer_method import AnswerMethod, Callee
from statefun_actors.definition.delay import LONGEST_DELAY, delay_ms, timeout_ms
from statefun_actors.definition.error_text import is_text, shown
from statefun_actors.definition.fields import Field, make_field
from statefun_actors.definition.function_options import TypeOptions
from statefun_actors.definition.function_type import FunctionType
from statefun_actors.definition.handlers import (
    ENTITY_OF_HANDLER,
    Handler,
    HandlerOptions,
    bind_handlers,
    message_problem,
)
from statefun_actors.definition.persisted import Persisted, declaration_problems, persisted
from statefun_actors.definition.policy import (
    AttemptCutShortError,
    DeadLetter,
    Discard,
    FailurePolicy,
    NotYetError,
    TimedAttempts,
    policy_problem,
)
from statefun_actors.definition.python_functions import is_async_function, is_generator_function, python_function
from statefun_actors.definition.scope import Scope
from statefun_actors.definition.send_checks import check_relayed, check_text, too_large
from statefun_actors.definition.typenames import typename_problem

__all__ = [
    "ENTITY_OF_HANDLER",
    "LONGEST_DELAY",
    "AnswerMethod",
    "AttemptCutShortError",
    "Callee",
    "DeadLetter",
    "Discard",
    "FailurePolicy",
    "Field",
    "FunctionType",
    "Handler",
    "HandlerOptions",
    "NotYetError",
    "Persisted",
    "Scope",
    "TimedAttempts",
    "TypeOptions",
    "UnresolvedAnnotationError",
    "bind_handlers",
    "check_relayed",
    "check_text",
    "class_annotations",
    "declaration_problems",
    "delay_ms",
    "is_async_function",
    "is_generator_function",
    "is_text",
    "make_field",
    "message_problem",
    "message_types",
    "parameter_annotation",
    "persisted",
    "policy_problem",
    "python_function",
    "resolve",
    "return_annotation",
    "shown",
    "timeout_ms",
    "too_large",
    "typename_problem",
]
