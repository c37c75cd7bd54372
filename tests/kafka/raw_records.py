"""Writes records by librdkafka's C functions: with headers that its Python client can't write."""

from __future__ import annotations

import ctypes
from typing import Final

from confluent_kafka import cimpl

from tests.kafka.topics import SECONDS

_PRODUCER: Final = 0
_TOPIC, _VALUE, _KEY, _MSGFLAGS, _HEADERS, _END = 1, 4, 5, 7, 10, 0
_COPY: Final = 2
_ERROR_SIZE: Final = 512


def write_raw(address: str, topic: str, key: bytes, value: bytes, header: tuple[bytes, bytes]) -> None:
    """Write one record with one *header* to the brokers at *address*; return once it is there."""
    library = ctypes.CDLL(cimpl.__file__)  # librdkafka is part of it, or loaded by it
    pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(library, name).restype = pointer
    error = ctypes.create_string_buffer(_ERROR_SIZE)
    conf = pointer(library.rd_kafka_conf_new())
    library.rd_kafka_conf_set(conf, b"bootstrap.servers", address.encode(), error, size(_ERROR_SIZE))
    producer = pointer(library.rd_kafka_new(number(_PRODUCER), conf, error, size(_ERROR_SIZE)))
    assert producer.value is not None, error.value
    headers = pointer(library.rd_kafka_headers_new(size(1)))
    library.rd_kafka_header_add(headers, header[0], size(len(header[0])), header[1], size(len(header[1])))
    failed = library.rd_kafka_producev(
        producer, number(_TOPIC), topic.encode(), number(_KEY), key, size(len(key)), number(_VALUE), value,
        size(len(value)), number(_MSGFLAGS), number(_COPY), number(_HEADERS), headers, number(_END),
    )  # fmt: skip
    assert failed == 0
    assert library.rd_kafka_flush(producer, number(int(SECONDS * 1000))) == 0
    library.rd_kafka_destroy(producer)
