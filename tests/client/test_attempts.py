"""When a call is retried, how long it pauses, and its result: without a server, a clock or a sleep."""

from __future__ import annotations

import pytest

from statefun_actors import Address
from statefun_actors.client import (
    CallError,
    MessageRefusedError,
    ReplyTimeoutError,
    UnavailableError,
    UnexpectedAnswerError,
)
from statefun_actors.client.http_attempts import (
    Broken,
    HttpAttempt,
    HttpCall,
    HttpResponse,
    HttpResult,
    Pause,
    attempts_of,
)
from statefun_actors.types import pack

ADA = Address("bank/account", "a/b ü")
OK = HttpResponse(202, {}, b"")
GONE = Broken("no connection")


def call(*, seconds: float = 30.0, waits: bool = False, until_reply: bool = False) -> HttpCall:
    return HttpCall(target=ADA, value=pack(5), waits=waits, until_reply=until_reply, key="k", seconds=seconds)


class Carried:
    """The attempts of *call* with the results *came*, one after another; each takes *takes* seconds."""

    def __init__(self, call: HttpCall, *came: HttpResult, takes: float = 0.0) -> None:
        self.attempts: list[HttpAttempt] = []
        self.pauses: list[float] = []
        self.answered: HttpResponse | None = None
        self.error: CallError | None = None
        now = 0.0
        steps, left = attempts_of(call, lambda: now, chance=lambda: 1.0), list(came)
        sent: HttpResult | None = None
        try:
            while True:
                match steps.send(sent):
                    case Pause(seconds):
                        self.pauses.append(seconds)
                        now += seconds
                        sent = None
                    case HttpAttempt() as attempt:
                        self.attempts.append(attempt)
                        now += takes
                        sent = left.pop(0) if left else came[-1]
        except StopIteration as done:
            self.answered = done.value
        except CallError as error:
            self.error = error


def test_a_message_is_its_bytes_and_its_type_under_its_key() -> None:
    [attempt] = Carried(call(), OK).attempts

    assert attempt.path == "/ingress/bank/account/a%2Fb%20%C3%BC?type=io.statefun.types/long"
    assert attempt.headers == {"content-type": "application/octet-stream", "idempotency-key": "k"}
    assert attempt.body == pack(5).value
    assert attempt.seconds == 30


@pytest.mark.parametrize(
    ("asked", "query", "seconds"),
    [
        (call(waits=True), "&wait=30000ms", 31),
        (call(waits=True, until_reply=True, seconds=0.5), "&wait=500ms&until=reply", 1.5),
        (call(waits=True, seconds=1_000), "&wait=300000ms", 301),
    ],
)
def test_a_call_that_waits_sends_the_time_it_waits(asked: HttpCall, query: str, seconds: float) -> None:
    [attempt] = Carried(asked, OK).attempts

    assert attempt.path.endswith(query)
    assert attempt.seconds == seconds


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_pauses_grow_until_the_final_response(status: int) -> None:
    bad = HttpResponse(status, {}, b"")

    carried = Carried(call(), bad, GONE, bad, bad, bad, bad, bad, bad, OK)

    assert carried.pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert carried.answered == OK
    assert {attempt.headers["idempotency-key"] for attempt in carried.attempts} == {"k"}


def test_retry_after_is_heeded_where_it_is_longer() -> None:
    assert Carried(call(), HttpResponse(503, {"retry-after": "7"}, b""), OK).pauses == [7]
    assert Carried(call(), HttpResponse(429, {"retry-after": "0"}, b""), OK).pauses == [0.1]
    assert Carried(call(), HttpResponse(429, {"retry-after": "soon"}, b""), OK).pauses == [0.1]


def test_each_attempt_has_the_rest_of_the_time() -> None:
    carried = Carried(call(seconds=10), GONE, GONE, OK, takes=2.0)

    assert [round(attempt.seconds, 3) for attempt in carried.attempts] == [10, 7.9, 5.7]


def test_no_attempt_is_begun_after_the_timeout() -> None:
    carried = Carried(call(seconds=1), HttpResponse(503, {}, b"not taken,\nsend it again: the disk is full\n"))

    assert carried.pauses == [0.1, 0.2, 0.4]
    assert isinstance(carried.error, UnavailableError)
    assert str(carried.error) == (
        f"{ADA} can't be reached, tried 4 times in 0.7 s: not taken, send it again: the disk is full. "
        "Send it again with key='k': it is then delivered once, even if this call delivered it."
    )


def test_a_late_answer_ends_an_ask_and_repeats_a_tell() -> None:
    late = Broken("no answer within 1.0 s", late=True)

    assert isinstance(Carried(call(waits=True), late, takes=31.0).error, ReplyTimeoutError)
    assert Carried(call(), late, OK).answered == OK


UNANSWERED = HttpResponse(504, {}, b"no answer within 300 s; the message stays delivered\n")


@pytest.mark.parametrize("first", [UNANSWERED, Broken("no answer within 301.0 s", late=True)])
def test_an_ask_waits_longer_than_one_request_can(first: HttpResult) -> None:
    carried = Carried(call(waits=True, seconds=1_000), first, UNANSWERED, OK, takes=300.0)

    assert carried.answered == OK
    assert carried.pauses == [0.1, 0.2]
    assert [attempt.path.partition("&")[2] for attempt in carried.attempts] == ["wait=300000ms"] * 3
    assert {attempt.headers["idempotency-key"] for attempt in carried.attempts} == {"k"}


def test_an_ask_that_no_request_answered_names_the_time_of_all() -> None:
    carried = Carried(call(waits=True, seconds=620), UNANSWERED, takes=300.0)

    assert isinstance(carried.error, ReplyTimeoutError)
    assert str(carried.error) == (
        f"no reply from {ADA}: no answer within 620 s, in 3 requests; the last one: no answer within 300 s; the "
        "message stays delivered. Give it more time with timeout=; or don't wait, if its handler does not reply: "
        "tell(...)."
    )


def test_a_call_is_not_repeated_once_its_key_could_be_forgotten() -> None:
    carried = Carried(call(waits=True, seconds=1_000_000), UNANSWERED, takes=300.0)

    assert isinstance(carried.error, ReplyTimeoutError)
    assert carried.error.said.startswith("no answer within 85,800 s, the most for a key that is kept for a day, in 28")
    assert 84_000 < 300 * len(carried.attempts) < 86_400


@pytest.mark.parametrize(
    ("status", "body", "kind", "reported"),
    [
        (413, b"too large", MessageRefusedError, f"{ADA} refused the message: too large"),
        (
            418,
            b"<html>tea",
            UnexpectedAnswerError,
            f"unexpected answer to a message for {ADA}: 418 status 418",
        ),
        (
            302,
            b"\xff",
            UnexpectedAnswerError,
            f"unexpected answer to a message for {ADA}: 302 \ufffd",
        ),
        (422, b"x" * 600, MessageRefusedError, f"{ADA} refused the message: {'x' * 500}…"),
    ],
)
def test_a_permanent_error_is_not_retried(status: int, body: bytes, kind: type[CallError], reported: str) -> None:
    carried = Carried(call(), HttpResponse(status, {}, body))

    assert type(carried.error) is kind
    assert str(carried.error) == reported
    assert carried.pauses == []
