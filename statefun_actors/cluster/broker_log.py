"""The log of the local Kafka broker, the id of the cluster that it belongs to, and those of its topics."""

from __future__ import annotations

import re
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_ID: Final = re.compile(r"^cluster\.id=(\S+)$", re.MULTILINE)
_TOPIC_ID: Final = re.compile(r"^topic_id: (\S+)$", re.MULTILINE)


def broker_log(folder: Path) -> Path:
    """The folder of the broker's log; *folder* is the cluster's."""
    return folder / "kafka" / "log"


def kafka_cluster_id(folder: Path) -> str | None:
    """The id of the Kafka cluster whose log is in the cluster's *folder*; None if there is no log yet."""
    try:
        found = _ID.search((broker_log(folder) / "meta.properties").read_text(encoding="utf-8"))
    except OSError:
        return None
    return None if found is None else found[1]


def kafka_topic_ids(folder: Path) -> Mapping[str, str]:
    """The ids of the topics in the log of the cluster's *folder*: each has one from soon after it is made."""
    found: dict[str, str] = {}
    for place in broker_log(folder).glob("*/partition.metadata"):
        topic, _, number = place.parent.name.rpartition("-")
        if not number.isdecimal():  # it is being deleted
            continue
        try:
            id = _TOPIC_ID.search(place.read_text(encoding="utf-8"))
        except OSError:
            continue
        if id is not None:
            found[topic] = id[1]
    return found


def new_kafka_cluster_id() -> str:
    """An id in Kafka's form; it does not begin with a hyphen, which would be an option."""
    return "k" + urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
