"""The states that savepoints hold, and which changes of an application Flink would refuse to go on with from them.

A lock file is YAML, a function type at a time, a state a line: its typename, and when it expires. It keeps states that
the application no longer declares: Flink keeps them, too.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeAlias

import attrs
import yaml

from statefun_actors.deploy.documents import read_documents
from statefun_actors.deploy.durations import read_duration, write_duration
from statefun_actors.deploy.errors import ModuleFileError, Problem, YamlPosition
from statefun_actors.deploy.section import Findings, Section
from statefun_actors.deploy.served import Served
from statefun_actors.model import Expiration, StateSpec

Lock: TypeAlias = Mapping[str, Mapping[str, StateSpec]]
"""By function type, by name, the states that Flink has been told of."""

_HEAD: Final = """\
# The states of this application as Flink has been told of them, by function type: what a savepoint may hold.
# Written by `statefun-actors module APP --lock`, which also tells what Flink would refuse. Commit it.
"""
_MODES: Final = {"after-write": Expiration.AFTER_WRITE, "after-invoke": Expiration.AFTER_CALL}
_WORDS: Final = {mode: word for word, mode in _MODES.items()}
_EXPIRING: Final = re.compile(rf"(?P<typename>.+), (?P<mode>{'|'.join(_MODES)}) (?P<ttl>\S+)")


@attrs.frozen
class Refusal:
    """A change of one state that Flink refuses: the job fails at the first message for such a function, for ever."""

    function: str
    before: StateSpec
    now: StateSpec

    def __str__(self) -> str:
        if self.before.typename != self.now.typename:
            was, is_ = self.before.typename, self.now.typename
        else:
            was, is_ = (_expiry(spec) or "never expiring" for spec in (self.before, self.now))
        return (
            f"{self.function}: state {self.now.name!r} was {was} and is {is_} now, which Flink refuses for a "
            "state that it holds: the job would fail with the first message. Leave it as it was, or store the new one "
            "under another name=."
        )


def locked(served: Served, before: Lock | None = None) -> Lock:
    """The lock of *served*: its states, and those that are only in *before*."""
    found = {typename: dict(states) for typename, states in (before or {}).items()}
    for function in served.functions:
        found.setdefault(function.typename, {}).update({spec.name: spec for spec in function.states})
    return {typename: found[typename] for typename in sorted(found) if found[typename]}


def check_compatible(before: Lock, served: Served) -> Sequence[Refusal]:
    """What Flink would refuse if *served* went on from a savepoint of an application with the lock *before*.

    A state's type must stay, and so must whether it expires at all. When it expires may change: that takes effect as
    the job starts again. States may come, and go.
    """
    return [
        Refusal(function.typename, held, spec)
        for function in served.functions
        for spec in function.states
        if (held := before.get(function.typename, {}).get(spec.name)) is not None
        and (held.typename != spec.typename or bool(held.ttl_ms) != bool(spec.ttl_ms))
    ]


def write_lock(path: Path, lock: Lock) -> None:
    """*lock* into the file *path*."""
    written = {
        typename: {spec.name: ", ".join(filter(None, (spec.typename, _expiry(spec)))) for spec in states.values()}
        for typename, states in lock.items()
    }
    text = _HEAD + yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=10_000)
    path.write_text(text, encoding="utf-8")


def read_lock(path: Path) -> Lock:
    """What the lock file at *path* holds.

    Raises:
        ModuleFileError: it is none.
        OSError: it can't be read.
    """
    findings = Findings()
    problems = findings.problems
    nodes = read_documents(path)
    if len(nodes) > 1:
        problems.append(Problem(YamlPosition(2, nodes[1].start_mark.line + 1), "", "one document", "another"))
    lock: dict[str, dict[str, StateSpec]] = {}
    for node in nodes[:1]:
        document = Section(node, 1, "", findings)
        for typename in document.keys:
            states = document.section(typename)
            lock[typename] = dict(_states(states))
    if problems:
        raise ModuleFileError(str(path), problems)
    return lock


def _states(states: Section) -> Iterator[tuple[str, StateSpec]]:
    expected = "a typename, or <typename>, after-write <duration>"
    for name in states.keys:
        spec = StateSpec(name, "")
        yield name, states.parsed(name, expected, functools.partial(_spec, name), spec)


def _spec(name: str, text: str) -> StateSpec:
    match = _EXPIRING.fullmatch(text)
    if match is None:
        if "/" not in text or "," in text:
            raise ValueError(text)
        return StateSpec(name, text)
    ttl = read_duration(match["ttl"])
    return StateSpec(name, match["typename"], _MODES[match["mode"]], ttl // timedelta(milliseconds=1))


def _expiry(spec: StateSpec) -> str:
    if not spec.ttl_ms:
        return ""
    return f"{_WORDS[spec.expiration]} {write_duration(timedelta(milliseconds=spec.ttl_ms))}"
