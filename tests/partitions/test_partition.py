"""The partition of an address, and how a message for another partition is written."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors import Address
from statefun_actors.model import INGRESS, TypedValue
from statefun_actors.partitions import (
    HANDED_OVER,
    Envelope,
    Partition,
    call_id,
    is_between_partitions,
    link,
    partition_of,
    partition_of_call,
    read_envelope,
    seq_of_call,
    write_envelope,
)

TABLE = [
    ("bank/account", "ada", (0, 1, 0, 3, 5, 55)),
    ("a/b", "é", (0, 1, 1, 3, 0, 31)),
    ("x/y", "\ud800", (0, 1, 1, 1, 4, 25)),
    ("s/t", "a/b", (0, 0, 1, 0, 5, 36)),
]
"""Partitions of 1, 2, 3, 4, 7 and 64. They never change: stores depend on them."""


@pytest.mark.parametrize(("typename", "id", "partitions"), TABLE)
def test_the_partition_of_an_address_never_changes(typename: str, id: str, partitions: tuple[int, ...]) -> None:
    found = tuple(partition_of(Address(typename, id), count) for count in (1, 2, 3, 4, 7, 64))
    assert found == partitions


def test_addresses_are_spread_evenly() -> None:
    found = Counter(partition_of(Address("bank/account", str(number)), 4) for number in range(10_000))
    assert sorted(found) == [0, 1, 2, 3]
    assert all(2_300 < count < 2_700 for count in found.values()), found


def test_a_caller_outside_is_where_it_waits() -> None:
    assert partition_of(Address(INGRESS, call_id(3, 17)), 4) == 3
    assert partition_of(Address(INGRESS, call_id(9, 17)), 4) in range(4)
    assert (partition_of_call("3/17"), seq_of_call("3/17")) == (3, 17)


@pytest.mark.parametrize("id", ["17", "x/17", "/17", "²/1", "9" * 5_000 + "/1"])
def test_a_caller_of_a_store_without_partitions_is_in_the_first(id: str) -> None:
    assert partition_of_call(id) == 0


def test_a_link_is_told_from_other_egresses_by_its_name() -> None:
    assert link(2) == "statefun-actors/partition-2"
    assert is_between_partitions(link(2))
    assert not is_between_partitions("bank/receipts")


def test_a_partition_knows_the_others() -> None:
    partition = Partition(1, 3)
    assert partition.others == [0, 2]
    assert str(partition) == "partition 1 of 3"


texts = st.text(st.characters(), min_size=1, max_size=20)
names = st.text(st.characters(exclude_characters="/"), min_size=1, max_size=10)
typenames = st.builds(lambda namespace, name: f"{namespace}/{name}", names, names)
addresses = st.builds(Address, typenames, texts)


@given(
    target=addresses,
    value=st.builds(TypedValue, typenames, st.binary(max_size=50)),
    caller=st.none() | addresses,
    headers=st.none() | st.dictionaries(texts, texts, max_size=3),
)
def test_a_message_is_read_as_it_was_written(
    target: Address, value: TypedValue, caller: Address | None, headers: dict[str, str] | None
) -> None:
    written = write_envelope(target, value, caller, headers)
    assert written.typename == HANDED_OVER
    assert read_envelope(written.value) == Envelope(target, value, caller, headers)


@given(st.binary(max_size=40))
def test_bytes_that_are_no_message_are_a_value_error(value: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_envelope(value)
