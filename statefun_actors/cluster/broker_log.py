"""The log of the local Kafka broker, and the id of the cluster that it belongs to."""

from __future__ import annotations

import re
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final

_ID: Final = re.compile(r"^cluster\.id=(\S+)$", re.MULTILINE)


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


def new_kafka_cluster_id() -> str:
    """An id in Kafka's form; it does not begin with a hyphen, which would be an option."""
    return "k" + urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
