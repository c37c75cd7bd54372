"""The Python part of the polyglot example; tests/polyglot runs it with the other two."""

from __future__ import annotations

from pathlib import Path

from polyglot import LabelWanted, Order, Place, Placed
from shipping_pb2 import Parcel, Quote

from statefun_actors import Address, NoAnswer, kafka_record
from statefun_actors.testing import given
from tests.cli.commands import run

EXAMPLE = Path(__file__).parents[2] / "examples" / "polyglot"
RATES, LABELS, LEDGER = Address("java/rates", "FR"), Address("javascript/labels", "FR"), Address("java/ledger", "FR")


def test_an_order_asks_for_a_quote_and_then_for_a_label() -> None:
    placed = given(Order, "1").when(Place("FR", 900))
    quoted = given(Order, "1", country="FR").answered(Order.quoted, Quote(cents=590))
    labelled = given(Order, "1", country="FR", cents=590).answered(Order.labelled, "FR-1 1")

    assert [(ask.target, ask.message) for ask in placed.asks] == [(RATES, Parcel(country="FR", grams=900))]
    assert [(ask.target, ask.message) for ask in quoted.asks] == [(LABELS, LabelWanted("FR", "1"))]
    assert [(sent.target, sent.message) for sent in quoted.sent] == [(LEDGER, 590)]
    assert labelled.reply == Placed(590, "FR-1 1")


def test_an_order_without_an_answer_is_refused() -> None:
    order = given(Order, "1", country="FR", cents=590)

    assert order.answered(Order.quoted, NoAnswer(RATES, "timeout")).reply == Placed(0, "", "no quote: timeout")
    assert order.answered(Order.labelled, NoAnswer(LABELS, "timeout")).reply == Placed(590, "", "no label: timeout")


def test_an_order_publishes_the_mean_price_of_its_country() -> None:
    published = given(Order, "1", country="FR").when(595.0).egress

    assert published == {"shop/records": [kafka_record(topic="means", key="FR", value="595.00")]}


def test_its_module_is_that_of_the_class(tmp_path: Path) -> None:
    checked = run("module", str(EXAMPLE / "polyglot.py"), "--check", str(EXAMPLE / "module.yaml"), folder=tmp_path)

    assert (checked.returncode, checked.stdout) == (0, f"{EXAMPLE / 'module.yaml'} agrees with shop/order.\n")
