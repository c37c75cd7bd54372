"""Every sentence, on every engine that it is about."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.conformance.cases.ingress import ingress
from tests.conformance.doors import OpenDoor
from tests.conformance.engine import Can, EngineKind
from tests.conformance.gateway import open_gateway
from tests.conformance.sections import Case, DoorCase, Once, Pending
from tests.conformance.suite import ENGINES, SECTIONS, sentences
from tests.flink.at_once import CasesAtOnce
from tests.flink.conformance import FLINK
from tests.flink.session import kafka_session

CASES = [sentence for sentence in sentences() if isinstance(sentence, Case)]
RUNS = [
    pytest.param(case, engine, id=f"{case.number}-{engine.name.replace(' ', '-')}")
    for engine in ENGINES
    if engine is not FLINK
    for case in CASES
    if engine.reason(case.needs) is None
]
ON_FLINK = [pytest.param(case, id=case.number) for case in CASES if FLINK.reason(case.needs) is None]
DOORS = [
    pytest.param(sentence, open_door, id=f"{sentence.number}-{name}", marks=marks)
    for sentence in sentences()
    if isinstance(sentence, DoorCase)
    for name, open_door, marks in (
        ("embedded", ingress, []),
        ("gateway", open_gateway, [pytest.mark.flink, pytest.mark.kafka]),
    )
]
ONCE = [pytest.param(sentence, id=sentence.number) for sentence in sentences() if isinstance(sentence, Once)]


@pytest.mark.parametrize(("case", "engine"), RUNS)
async def test_case(case: Case, engine: EngineKind) -> None:
    await case.function(engine.start)


@pytest.fixture(scope="module")
def at_once(request: pytest.FixtureRequest) -> Generator[CasesAtOnce]:
    """The cases of this session that run on Flink, under way."""
    kafka_session()  # skips where this machine can't run it
    selected = [item for item in request.session.items if isinstance(item, pytest.Function)]
    numbers = {item.callspec.id for item in selected if item.originalname == test_case_on_flink.__name__}
    cases = CasesAtOnce(case for case in CASES if case.number in numbers)
    yield cases
    cases.close()


@pytest.mark.flink
@pytest.mark.kafka
@pytest.mark.parametrize("case", ON_FLINK)
def test_case_on_flink(case: Case, at_once: CasesAtOnce) -> None:
    at_once.result(case)


@pytest.mark.parametrize(("sentence", "open_door"), DOORS)
async def test_case_over_http(sentence: DoorCase, open_door: OpenDoor) -> None:
    await sentence.function(open_door)


@pytest.mark.parametrize("sentence", ONCE)
async def test_once(sentence: Once) -> None:
    await sentence.run()


def test_numbers_are_unique_and_leave_none_out() -> None:
    for section in SECTIONS:
        expected = [f"{section.letter}{index + 1}" for index in range(len(section.sentences))]
        assert [sentence.number for sentence in section.sentences] == expected


def test_no_sentence_is_said_twice() -> None:
    texts = [sentence.sentence for sentence in sentences()]
    assert len(set(texts)) == len(texts)


def test_a_sentence_without_a_case_states_its_reason() -> None:
    assert all(len(sentence.why) > 10 for sentence in sentences() if isinstance(sentence, Pending))


def test_every_case_runs_on_some_engine() -> None:
    for case in sentences():
        if isinstance(case, Case):
            assert any(engine.reason(case.needs) is None for engine in ENGINES), case.number


def test_each_limit_of_an_engine_is_allowed_by_a_sentence() -> None:
    numbers = {sentence.number for sentence in sentences()}
    for engine in ENGINES:
        for can in Can:
            if (reason := engine.reason({can})) is not None:
                number, _, why = reason.partition(": ")
                assert number in numbers
                assert len(why) > 20
