"""Lock files: the states that savepoints may contain, and the changes of states that Flink would refuse.

A lock file is YAML with a line per state, by function type: its typename, and its expiration. It keeps states that the
application no longer declares, as Flink does.
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
"""The states that have been declared to Flink, by function type and name."""

_HEAD: Final = """\
# The states that have been declared to Flink, by function type: a savepoint may contain them.
# Written by `statefun-actors module APP --lock`, which also reports changes that Flink would refuse. Commit this file.
"""
_MODES: Final = {"after-write": Expiration.AFTER_WRITE, "after-invoke": Expiration.AFTER_CALL}
_WORDS: Final = {mode: word for word, mode in _MODES.items()}
_EXPIRING: Final = re.compile(rf"(?P<typename>.+), (?P<mode>{'|'.join(_MODES)}) (?P<ttl>\S+)")


@attrs.frozen
class Refusal:
    """A change of a state that Flink refuses: a job that starts with it fails at its first message."""

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
            "state that it holds: the job would fail at the first message. Change it back, or store the new state "
            "under another name=."
        )


def locked(served: Served, before: Lock | None = None) -> Lock:
    """The lock of *served*: its states, and those only in *before*."""
    found = {typename: dict(states) for typename, states in (before or {}).items()}
    for function in served.functions:
        found.setdefault(function.typename, {}).update({spec.name: spec for spec in function.states})
    return {typename: found[typename] for typename in sorted(found) if found[typename]}


def check_compatible(before: Lock, served: Served) -> Sequence[Refusal]:
    """The changes that Flink would refuse if *served* resumed from a savepoint with the lock *before*.

    A state's type must not change, nor whether it expires. How long it takes to expire may change, and whether that
    counts from the last write or the last call: Flink applies it from the next start of the job on, to stored values,
    too. States may be added and removed.
    """
    return [
        Refusal(function.typename, held, spec)
        for function in served.functions
        for spec in function.states
        if (held := before.get(function.typename, {}).get(spec.name)) is not None
        and (held.typename != spec.typename or bool(held.ttl_ms) != bool(spec.ttl_ms))
    ]


def write_lock(path: Path, lock: Lock) -> None:
    """Write *lock* to the file *path*."""
    written = {
        typename: {spec.name: ", ".join(filter(None, (spec.typename, _expiry(spec)))) for spec in states.values()}
        for typename, states in lock.items()
    }
    text = _HEAD + yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=10_000)
    path.write_text(text, encoding="utf-8")


def read_lock(path: Path) -> Lock:
    """Read the lock file at *path*.

    Raises:
        ModuleFileError: it is not a lock file.
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
