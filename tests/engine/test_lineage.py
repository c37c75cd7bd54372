"""Which numbers mean the same record in two stores of which one is a copy."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from statefun_actors.engine import Lineage


def test_a_copy_shares_the_records_from_before_it_was_made() -> None:
    first = Lineage.read(None).begun(0)
    original, copy = first.begun(50), first.begun(10)

    assert original.shared_with(50, first) == 50
    assert copy.shared_with(50, first) == 10
    assert [copy.shared_with(seq, original) for seq in (5, 10, 11, 80)] == [5, 10, 10, 10]
    assert [original.shared_with(seq, copy) for seq in (5, 10, 11, 80)] == [5, 10, 10, 10]
    assert copy.shared_with(80, copy) == 80


def test_starts_that_are_forgotten_leave_what_is_known() -> None:
    old = Lineage.read(None).begun(0)
    new = old
    for number in range(300):
        new = new.begun(number)

    assert new.shared_with(10, old) is None
    assert new.begun(300).shared_with(400, Lineage.read(new.noted)) == 300
    assert len(new.noted) < 1_000
    assert Lineage.read(new.text).shared_with(400, new) == 400


def test_starts_that_fail_before_the_store_gets_anything_push_no_others_out() -> None:
    """As of a process that ends at its start, and is started again each second."""
    sent = Lineage.read(None).begun(0).begun(50)
    before = failing = sent
    for _ in range(300):
        before, failing = failing, failing.begun(100)

    assert len(failing.text) < 100
    for noted in (sent.noted, sent.briefly_noted, before.noted, before.briefly_noted):
        assert failing.shared_with(100, Lineage.read(noted)) == 100
    assert failing.begun(200).shared_with(150, Lineage.read(before.briefly_noted)) == 100


def test_a_copy_that_is_made_right_after_a_start_shares_nothing_that_the_original_adds() -> None:
    original = Lineage.read(None).begun(50)
    copy = original.begun(50)

    assert copy.shared_with(60, original) == 50
    assert original.begun(60).shared_with(60, copy) == 50


def test_what_another_program_has_written_is_no_start_of_ours() -> None:
    assert Lineage.read(None).begun(3).shared_with(3, Lineage.read("deploy 7")) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=20))
def test_a_number_is_shared_only_if_it_means_the_same_record(steps: list[tuple[int, int]]) -> None:
    """Each step starts an engine on a copy of any earlier store, which then adds some records."""
    names = itertools.count()
    stores: list[tuple[Lineage, list[int]]] = [(Lineage.read(None).begun(0), [])]
    for of, more in steps:
        lineage, records = stores[of % len(stores)]
        stores.append((lineage.begun(len(records)), [*records, *itertools.islice(names, more)]))
    for (mine, here), (other, there) in itertools.product(stores, stores):
        shared = mine.shared_with(len(there), other)
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(here, there, strict=False)))
        assert shared == same
        brief = mine.shared_with(len(there), Lineage.read(other.briefly_noted))
        assert brief in {None, same}
