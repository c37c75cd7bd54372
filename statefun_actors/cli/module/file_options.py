"""Options of a command for the parts of a module.yaml that the application does not determine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from typing import Any as Untyped

import click

from statefun_actors.cli.settings_options import Written
from statefun_actors.settings import read_typename
from statefun_actors.units import DURATION_FORM, read_duration

if TYPE_CHECKING:
    from statefun_actors.deploy import Wanted, WantedTopic

_TOPIC: Final = re.compile(r"(?P<topic>[\w.-]+)(?::(?P<type>[^=]+))?=(?P<targets>.+)")
_TOPIC_FORM: Final = "write TOPIC=NS/NAME or TOPIC:TYPE=NS/NAME, such as deposits:bank.Deposit=bank/account."


def read_topic(value: object) -> WantedTopic:
    """``TOPIC[:TYPE]=NS/NAME[,NS/NAME...]``; a TYPE without ``/`` is a protobuf message's. Raises ValueError."""
    from statefun_actors.deploy import WantedTopic

    match = _TOPIC.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a topic with its targets; {_TOPIC_FORM}")
    type = match["type"]
    if type is not None and "/" not in type:
        type = f"type.googleapis.com/{type}"
    try:
        targets = [read_typename(target.strip()) for target in match["targets"].split(",")]
    except ValueError:
        raise ValueError(f"{match['targets']!r} is not a list of function types; {_TOPIC_FORM}") from None
    return WantedTopic(match["topic"], targets, type)


def _read_pair(value: object) -> tuple[str, str]:
    key, equals, text = str(value).partition("=")
    if not (key and equals and text):
        raise ValueError(f"{value!r} is not KEY=VALUE, such as pool_size=512.")
    return key.strip(), text.strip()


def _read_call_timeout(value: object) -> timedelta:
    timeout = read_duration(value)
    if not timeout:
        raise ValueError(f"expected {DURATION_FORM}, more than 0; got {value!r}")
    return timeout


_OPTIONS: Final = (
    click.option(
        "--topic", "topics", multiple=True, type=Written(read_topic), metavar="TOPIC[:TYPE]=NS/NAME",
        help="A Kafka topic to read: each record goes to the function types after the =, its key is the id. TYPE is "
        "a typename, or a protobuf message's full name; it may be omitted if they take only one type. Repeat it.",
    ),
    click.option(
        "--all-topics", is_flag=True,
        help="Add a topic for each function type and type of message, such as bank.account.Deposit, or "
        "bank.account.v1.Deposit where it also takes a v2.Deposit.",
    ),
    click.option(
        "--egress", "egresses", multiple=True, type=Written(read_typename), metavar="NS/NAME",
        help="An egress to define in addition to those in the application's source and settings. Repeat it.",
    ),
    click.option(
        "--delivery", type=click.Choice(["exactly-once", "at-least-once", "none"]), default="exactly-once",
        show_default=True, help="Guarantee of records to Kafka.",
    ),
    click.option("--group", metavar="NAME", help="Kafka's consumer group. Default: APP's name"),
    click.option(
        "--max-batch", type=click.IntRange(1), default=1000, show_default=True, metavar="NUMBER",
        help="Maximum number of messages for one id in one request of Flink.",
    ),
    click.option(
        "--call-timeout", type=Written(_read_call_timeout), metavar="DURATION",
        help="Flink's timeout of a call. Default: a minute, or more than the longest timeout of a handler",
    ),
    click.option(
        "--transport", multiple=True, type=Written(_read_pair), metavar="KEY=VALUE",
        help="Further keys of transport: pool_size, trust_cacerts, client_cert and the like. Repeat it.",
    ),
    click.option(
        "--gateway", is_flag=True,
        help="Add the topics and the egress over which `statefun-actors gateway` sends messages and gets answers.",
    ),
    click.option(
        "--per-function", is_flag=True, help="An endpoint for each function type, not one for each namespace.",
    ),
)  # fmt: skip


def module_options(command: Callable[..., None]) -> Callable[..., None]:
    """Decorator: the command takes the options above; :func:`wanted_of` converts their values."""
    decorated: Untyped = command
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def wanted_of(options: Mapping[str, Untyped], name: str, url: str) -> Wanted:
    """The values of the options above, for the application *name* at *url*."""
    from statefun_actors.deploy import Wanted

    if options["all_topics"] and options["topics"]:
        raise click.UsageError("--all-topics adds every topic; omit --topic or --all-topics.")
    return Wanted(
        url=url,
        name=name,
        group=options["group"] or name,
        topics=None if options["all_topics"] else options["topics"],
        egresses=options["egresses"],
        delivery=options["delivery"],
        per_function=options["per_function"],
        gateway=options["gateway"],
        max_batch=options["max_batch"],
        call_timeout=options["call_timeout"],
        transport=dict(options["transport"]),
    )
