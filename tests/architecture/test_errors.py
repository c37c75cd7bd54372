"""The tree of all errors of the package: each with its room and what it is to ``except`` clauses of builtin errors."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "statefun_actors"

TREE = """\
StatefunActorsError (Exception): errors
  AmbiguousTokenError (LookupError): admin
  BadExportError (ValueError): admin
  ControlSocketError: admin
  UneditableFieldError (LookupError): admin
  WrittenValueError (ValueError): admin
  CallError: calls
    KeyReusedError (ValueError): calls
    MessageRefusedError (ValueError): calls
    NoReplyError (LookupError): calls
      UnansweredError (AssertionError): testing
    NotAdmittedError (PermissionError): calls
    NotOpenError (LookupError): calls
    NotServedError (LookupError): calls
    ReplyTimeoutError (TimeoutError): calls
    UnavailableError (ConnectionError): calls
    UnexpectedAnswerError: calls
    UnexpectedReplyError (TypeError): calls
  ClusterLateError: cluster
  FolderInUseError: cluster
  JobFailsError: cluster
  MissingToolError: cluster
  ProcessEndedError: cluster
  SavepointError: cluster
  ToolFailedError: cluster
  BadPropertyError (ValueError): connectors
  EgressDownError: connectors
  EgressFileError (OSError): connectors
    _EgressFileLengthError: connectors
      EgressFileAppendedError: connectors
      EgressFileChangedError: connectors
      EgressFileCutError: connectors
  InputError: connectors
    BadLineError (ValueError): connectors
    InputChangedError (ValueError): connectors
    InputUnreadableError (OSError): connectors
  DelayError (ValueError): console
  FormError (ValueError): console
  ModuleFileError (ValueError): deploy
  RestoreRefusedError (PermissionError): dispatch
  DroppedError: engine
  EpochLostError: engine
  IncompatibleStateError: engine
  LossRefusedError: engine
  NoDeadLetterError (LookupError): engine
  NoTimerError (LookupError): engine
  NotFailingError (LookupError): engine
  NotSetError: engine
  NotStorableError: engine
  StoredTwiceError: engine
  DefinitionError (TypeError): errors
    BindingError (ValueError): compat
  DetachedEntityError (RuntimeError): errors
  HandlerExitError (RuntimeError): errors
  HandlerTimeoutError (TimeoutError): errors
  InternalMessageError (PermissionError): errors
  InvalidAddressError (ValueError): errors
  MessageDecodeError (ValueError): errors
  MissingStateError (LookupError): errors
  NoCallerError (RuntimeError): errors
  NotAMessageError (TypeError): errors
  StateDecodeError (ValueError): errors
    StoredTypeError (TypeError): compat
    DamagedStateError: store
  TerminalError: errors
  UndeclaredAttributeError (AttributeError): errors
  UndeclaredStateError (KeyError): errors
  UnhandledMessageError (TypeError): errors
  UnknownFunctionTypeError (LookupError): errors
  ValueMismatchError (TypeError, ValueError): errors
    FieldMismatchError: errors
  NoJsonFormError (TypeError): ingress
  UnclearTypeError (TypeError): ingress
  MoveStoppedError: moving
  SharedTokenError (ValueError): moving
  NotPausedError (LookupError): store
  StoreError: store
    PartlyChangedError: admin
    StoreNotEmptyError: admin
    DamagedHistoryError: history
    CommitRefusedError: store
    DamagedStoreError: store
    StoreInUseError: store
    StoreMismatchError: store
    StoreMovedError: store
    StoreTakenError: store
    StoreUrlError: store
  UnstorableTypeError (TypeError): types
    UnresolvedNameError: types
  MalformedRequestError (ValueError): wire
"""


@dataclass
class ErrorClass:
    name: str
    room: str
    bases: list[str]


def error_classes() -> dict[str, ErrorClass]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).with_suffix("").parts[0]
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                found[node.name] = ErrorClass(node.name, room, [ast.unparse(base) for base in node.bases])
    return found


def lines(classes: dict[str, ErrorClass], root: ErrorClass, indent: str = "") -> Iterator[str]:
    builtins = ", ".join(base for base in root.bases if base not in classes)
    yield f"{indent}{root.name}{f' ({builtins})' if builtins else ''}: {root.room}"
    children = [each for each in classes.values() if root.name in each.bases]
    for child in sorted(children, key=lambda child: (child.room, child.name)):
        yield from lines(classes, child, indent + "  ")


def test_the_tree_of_errors_is_this() -> None:
    classes = error_classes()

    assert "\n".join(lines(classes, classes["StatefunActorsError"])) + "\n" == TREE
