"""Which extras of the package are installed."""

from __future__ import annotations

import importlib.util


def has_kafka_client() -> bool:
    """Whether the client of Kafka, of the extra ``[kafka]``, is installed. It is not imported: that takes long."""
    return importlib.util.find_spec("confluent_kafka") is not None
