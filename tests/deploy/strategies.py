"""Hypothesis strategies: everything that a module.yaml may say."""

from __future__ import annotations

from datetime import UTC, timedelta

from hypothesis import strategies as st

from statefun_actors.deploy import (
    OKHTTP,
    EagerState,
    EndpointComponent,
    Format,
    FromDate,
    KafkaEgress,
    KafkaIngress,
    Module,
    OtherComponent,
    SpecificOffsets,
    Topic,
    Transport,
)
from statefun_actors.model import Expiration

_names = st.from_regex(r"[a-z][a-z0-9.-]{0,8}", fullmatch=True)
_typenames = st.builds("{}/{}".format, _names, _names)
_texts = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
_properties = st.dictionaries(_names, _texts, max_size=2)
_options = st.dictionaries(st.sampled_from(["connect", "pool_ttl", "trust_cacerts", "timeouts.connect"]), st.just("9s"))
_durations = st.timedeltas(timedelta(seconds=20), timedelta(days=400)).map(
    lambda delta: timedelta(milliseconds=1 + delta // timedelta(milliseconds=1))
)
_dates = st.datetimes(timezones=st.just(UTC)).map(
    lambda date: date.replace(microsecond=date.microsecond // 1000 * 1000)
)
_states = st.one_of(
    st.builds(EagerState, name=_texts),
    st.builds(
        EagerState,
        name=_texts,
        expiration=st.sampled_from([Expiration.AFTER_WRITE, Expiration.AFTER_CALL]),
        ttl_ms=st.integers(1, 10**12),
    ),
)
_startups = st.one_of(
    st.sampled_from(["group-offsets", "earliest", "latest"]),
    st.builds(SpecificOffsets, st.dictionaries(st.tuples(_names, st.integers(0, 9)), st.integers(0, 99), min_size=1)),
    st.builds(FromDate, _dates),
)


def _connectors(forward_headers: st.SearchStrategy[bool | None]) -> st.SearchStrategy[KafkaIngress | KafkaEgress]:
    targets = st.lists(_typenames, min_size=1, max_size=2)
    topics = st.builds(Topic, topic=_names, value_type=_typenames, targets=targets, forward_headers=forward_headers)
    return st.one_of(
        st.builds(
            KafkaIngress,
            id=_typenames,
            address=_texts,
            group=_texts,
            startup=_startups,
            reset=st.sampled_from(["earliest", "latest"]),
            forward_headers=forward_headers,
            topics=st.lists(topics, min_size=1, max_size=2, unique_by=lambda topic: topic.topic),
            properties=_properties,
        ),
        st.builds(KafkaEgress, id=_typenames, address=_texts, properties=_properties),
        st.builds(
            KafkaEgress,
            id=_typenames,
            address=_texts,
            delivery=st.just("exactly-once"),
            transaction_timeout=_durations,
            properties=_properties,
        ),
    )


_new_connectors = _connectors(st.sampled_from([None, True, False]))
_old_connectors = _connectors(st.none())
_new_endpoints = st.builds(
    EndpointComponent,
    functions=_typenames,
    url=st.just("http://shop/{function.name}"),
    max_batch=st.integers(1, 10**6),
    transport=st.one_of(
        st.builds(Transport, call_timeout=_durations, payload_max_bytes=st.integers(1, 10**9), options=_options),
        st.builds(
            Transport,
            type=st.just(OKHTTP),
            call_timeout=_durations,
            payload_max_bytes=st.none(),
            options=st.just({"timeouts.read": "5s"}),
        ),
    ),
)


def _old_endpoints(states: st.SearchStrategy[EagerState]) -> st.SearchStrategy[EndpointComponent]:
    return st.builds(
        EndpointComponent,
        functions=_typenames,
        url=st.just("https://shop/x"),
        max_batch=st.integers(1, 10**6),
        transport=st.builds(Transport, type=st.just(OKHTTP), call_timeout=_durations, payload_max_bytes=st.none()),
        states=st.lists(states, max_size=3),
    )


def _identity(component: object) -> str:
    return str(getattr(component, "functions", None) or getattr(component, "id", None))


def _others(kind: str, *, with_id: bool) -> st.SearchStrategy[OtherComponent]:
    return _typenames.map(
        lambda name: OtherComponent(
            kind=kind, role="egress", id=name, spec={**({"id": name} if with_id else {}), "any": {"thing": ["x", None]}}
        )
    )


def new_modules(*, others: bool = True) -> st.SearchStrategy[Module]:
    """Files for 3.x. *others* = with components that only some StateFun somewhere knows."""
    extra = [_others("io.statefun.kinesis.v1/egress", with_id=True)] if others else []
    components = st.lists(
        st.one_of(_new_endpoints, _new_connectors, *extra), min_size=1, max_size=4, unique_by=_identity
    )
    return st.builds(Module, components=components)


def old_modules(*, others: bool = True) -> st.SearchStrategy[Module]:
    """Files for 2.x, either version; the endpoints come first there, then ingresses, then egresses."""
    extra = [_others("acme/other", with_id=False)] if others else []

    def of(format: Format, states: st.SearchStrategy[EagerState]) -> st.SearchStrategy[Module]:
        parts = st.one_of(_old_connectors, *extra)
        components = st.tuples(
            st.lists(_old_endpoints(states), min_size=1, max_size=2, unique_by=_identity),
            st.lists(parts, max_size=3, unique_by=_identity),
        )
        return components.map(lambda both: Module(components=[*both[0], *both[1]], format=format))

    return st.one_of(of("1.0", st.builds(EagerState, name=_texts)), of("2.0", _states))
