"""The console of a run with several partitions: one site, whichever process a browser reaches."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, unquote, urlencode

import pytest

from tests.console import served
from tests.console.served import FORM
from tests.partitions.running import DEADLINE, Got, Running, wait_for
from tests.partitions.systems import id_in

APP = Path(served.__file__).read_text()
BOX = "console/box"
BOTH = [id_in(number, BOX) for number in range(2)]
"""The ids of an entity in each partition."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    with Running(tmp_path_factory.mktemp("console"), 2, app=APP) as running:
        yield running
        assert running.stop() == 0


def send(running: Running, id: str, typename: str, **fields: str) -> None:
    got = running.request("PUT", f"/ingress/{BOX}/{id}?type={typename}", fields)
    assert got.status == 202, got


def page(running: Running, path: str, *, by: int | None = None, **headers: str) -> str:
    got = running.request("GET", f"/console/{path}", headers=headers, by=by)
    assert got.status == 200, got
    return got.body.decode()


def act(running: Running, name: str, shown: str, fields: Sequence[tuple[str, str]], *, by: int | None = None) -> Got:
    """Send the form of the act *name* with the token of the page *shown*."""
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', shown)
    assert token is not None, shown
    body = urlencode([*fields, ("csrf", token[1])]).encode()
    return running.request("POST", f"/console/{name}", body, {"Content-Type": FORM}, by=by)


def after(running: Running, got: Got, *, by: int) -> str:
    assert got.status == 303, got
    return page(running, got.headers["location"], by=by)


def entity(id: str) -> str:
    return f"entity?address={quote(f'{BOX}/{id}', safe='')}"


def until_shown(running: Running, id: str, text: str) -> None:
    wait_for(lambda: text in page(running, entity(id)))


def test_pages_are_about_all_partitions_whichever_process_gets_the_request(running: Running) -> None:
    ids = [id_in(number, BOX, after=start) for number in range(2) for start in (100, 200)]
    for id in ids:
        send(running, id, "console/put", text=f"in {id}")
    for by in range(2):
        shown = page(running, f"entities?type={BOX}", by=by)
        assert sorted(set(re.findall(r"in (\d+)", shown))) == sorted(ids)
        for id in ids:
            assert f"in {id}" in page(running, entity(id), by=by)
        overview = page(running, "", by=by)
        assert f"{running.store}" in overview
        assert "see <code>/metrics</code>" in overview
    head = running.request("HEAD", "/console/", by=1)
    assert (head.status, head.body) == (200, b"")
    assert running.request("GET", "/console/nothing", by=1).status == 404
    assert running.request("GET", "/", by=1).headers["location"] == "console/"


def test_an_act_is_made_in_the_partition_that_it_is_about(running: Running) -> None:
    """The page, the form and what is shown then come from different processes."""
    for id in BOTH:
        shown = page(running, f"send?to={BOX}/{id}&type=console/put", by=0)
        fields = [("to", f"{BOX}/{id}"), ("type", "console/put"), ("f.text", f"sent to {id}")]
        done = after(running, act(running, "send-message", shown, fields, by=1), by=0)
        assert f"Sent console/put to {BOX}/{id}." in done
        until_shown(running, id, f"sent to {id}")
    at = f"field?type={BOX}&id={BOTH[1]}&field=text"
    shown = page(running, at, by=1)
    was = re.search(r'name="was" value="(.+?)"', shown)
    assert was is not None
    fields = [("type", BOX), ("id", BOTH[1]), ("field", "text"), ("json", '"new"'), ("was", was[1]), ("sure", "1")]
    done = after(running, act(running, "field-set", shown, fields, by=0), by=1)
    assert f"Set text of {BOX}/{BOTH[1]}." in done
    assert "new" in page(running, entity(BOTH[1]), by=1)


def test_what_waits_in_each_partition_is_shown_and_changed(running: Running) -> None:
    ids = [id_in(number, BOX, after=500) for number in range(2)]
    for id in ids:
        send(running, id, "console/start")
        send(running, id, "console/give-up", text=f"letter {id}")
    wait_for(lambda: all(f"letter {id}" in page(running, "dead-letters") for id in ids))
    for name in ("timers", "asks", "schedules"):
        shown = page(running, name, by=1)
        assert all(f"{BOX}/{id}" in shown for id in ids), name
    letters = page(running, "dead-letters", by=1)
    numbers = re.findall(r'name="number" value="(\d+)"', letters)
    assert {int(number) % 2 for number in numbers} == {0, 1}
    fields = [("number", number) for number in numbers]
    done = after(running, act(running, "dead-letters-discard", letters, [*fields, ("sure", "1")], by=0), by=1)
    assert "Discarded 2 dead letters." in done
    assert not any(f"letter {id}" in page(running, "dead-letters", by=1) for id in ids)
    timers = re.findall(r'name="timer" value="(.+?)"', page(running, "timers"))
    assert len(timers) == 2
    shown = page(running, "timers", by=1)
    fields = [*(("timer", timer) for timer in timers), ("sure", "1")]
    assert "Cancelled 2 delayed messages." in after(running, act(running, "timers-cancel", shown, fields, by=0), by=1)
    for token in re.findall(r'href="ask\?token=(.+?)"', page(running, "asks")):
        shown = page(running, f"ask?token={token}", by=1)
        after(running, act(running, "ask-cancel", shown, [("token", unquote(token)), ("sure", "1")], by=1), by=0)
    for id in ids:
        until_shown(running, id, "cancelled")


def test_failing_messages_of_all_partitions_are_shown_and_dropped(running: Running) -> None:
    ids = [id_in(number, BOX, after=700) for number in range(2)]
    for id in ids:
        send(running, id, "console/fail", text=f"it {id}")
    wait_for(lambda: all(f"t take it {id}" in page(running, "failing") for id in ids))
    shown = page(running, "failing", by=1)
    keys = [unquote(key) for key in re.findall(r'name="message-encoded" value="(.+?)"', shown)]
    assert sorted(key.partition(":")[2] for key in keys) == sorted(f"{BOX}/{id}" for id in ids)
    fields = [*(("message", key) for key in keys), ("sure", "1")]
    assert "Dropped 2 messages." in after(running, act(running, "failing-drop", shown, fields, by=1), by=0)
    letters = page(running, "dead-letters", by=1)
    assert all(f"it {id}" in letters for id in ids)
    numbers = [("number", number) for number in re.findall(r'name="number" value="(\d+)"', letters)]
    after(running, act(running, "dead-letters-discard", letters, [*numbers, ("sure", "1")]), by=0)


def test_an_open_page_is_notified_of_a_change_in_any_partition(running: Running) -> None:
    for id in BOTH:
        version = re.search(r'data-version="([^"]+)"', page(running, "", by=1))
        assert version is not None
        begun = threading.Event()

        def event(since: str = version[1], begun: threading.Event = begun) -> Got:
            begun.set()
            return running.request("GET", f"/console/changes?since={since}", by=0)

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(event)
            assert begun.wait(DEADLINE)
            send(running, id, "console/put", text="changed")
            got = waiting.result(DEADLINE)
        assert got.headers["content-type"] == "text/event-stream"
        assert version[1] not in got.body.decode()


def test_a_foreign_form_or_site_is_refused(running: Running) -> None:
    for by in range(2):
        refused = running.request("GET", "/console/", headers={"Host": "evil.example"}, by=by)
        assert refused.status == 403
        body = urlencode([("type", BOX), ("csrf", "0")]).encode()
        refused = running.request("POST", "/console/pause", body, {"Content-Type": FORM}, by=by)
        assert refused.status == 403


def test_a_read_only_console_needs_the_token_and_changes_nothing(tmp_path: Path) -> None:
    token = ("--token", "secret", "--console", "read-only")
    with Running(tmp_path, 2, *token, app=APP) as running:
        assert running.request("GET", "/console/", by=1).headers["location"] == "login"
        body = urlencode([("token", "secret")]).encode()
        done = running.request("POST", "/console/login", body, {"Content-Type": FORM}, by=1)
        assert done.status == 303
        cookie = done.headers["set-cookie"].partition(";")[0]
        for by in range(2):
            assert "Overview" in page(running, "", by=by, Cookie=cookie)
            refused = running.request("POST", "/console/pause", b"", {"Content-Type": FORM, "Cookie": cookie}, by=by)
            assert refused.status == 405
            assert 'name="csrf"' not in page(running, "failing", by=by, Cookie=cookie)
        assert running.stop() == 0
