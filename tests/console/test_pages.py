"""Pages of the console, by HTTP against a runtime on a file and in memory."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import NoReturn

import pytest

from statefun_actors import AsyncRuntime
from statefun_actors.console import acts, pages
from tests.console.served import FORM, SEND, Box, GiveUp, Put, Site, Start, query, site
from tests.console.shown import PAGES, Payment, charge


async def test_every_page_of_an_empty_store_is_there(store: str | None) -> None:
    async with site(store=store) as console:
        for page in PAGES:
            answer = await console.get(f"/console/{page}")

            assert answer.status == 200
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.text.count("aria-current") == 1
            assert answer.text.endswith("</html>\n")


async def test_the_root_leads_to_the_console(store: str | None) -> None:
    async with site(store=store) as console:
        answers = [await console.get(path) for path in ("/", "/console")]

        assert [(answer.status, answer.headers["location"]) for answer in answers] == [(303, "console/")] * 2


async def test_an_unknown_page_is_not_found(store: str | None) -> None:
    async with site(store=store) as console:
        answer = await console.get("/console/nothing")

        assert answer.status == 404
        assert "There is no such page." in answer.text


async def test_the_overview_counts_what_is_there_and_names_what_is_stuck(store: str | None) -> None:
    async with site(store=store) as console:
        await console.runtime.tell(Box.at("ada"), Start())
        await console.runtime.tell(Box.at("given-up"), GiveUp("it"))
        await console.failing("stuck", "this")

        text = (await console.get("/console/")).text

        assert 'data-label="class">Box</td>' in text.replace("<bdi>", "").replace("</bdi>", "")
        for href in ("failing", "dead-letters", "asks", "schedules", "timers"):
            assert f'<a href="{href}">' in text
        assert text.count('class="alarm"') == 2
        assert "can&#39;t take this" in text
        assert "every day" in text
        assert "reminder" in text


async def test_an_entity_has_typed_fields_and_what_is_pending_around_it(store: str | None) -> None:
    async with site(store=store) as console:
        await console.runtime.tell(Box.at("ada"), Start())

        text = (await console.get(f"/console/entity{query(type='console/box', id='ada')}")).text
        same = (await console.get(f"/console/entity{query(address='console/box/ada')}")).text

        assert "<pre>&#34;started&#34;</pre>" in text
        assert "<bdi>list[int]</bdi>" in text
        assert "absent; this is its default" in text
        for heading in ("Fields", "Timers", "Open asks", "Schedules"):
            assert f"<h2>{heading}</h2>" in text
        assert "elsewhere/checker/silent" in text
        assert "<h2>Fields</h2>" in same


async def test_a_failing_entity_shows_its_error_and_what_waits_behind_it(store: str | None) -> None:
    async with site(store=store) as console:
        await console.failing("stuck", "this")
        await console.runtime.tell(Box.at("stuck"), Put("behind"))

        text = (await console.get(f"/console/entity{query(type='console/box', id='stuck')}")).text

        assert "<pre>ValueError: can&#39;t take this</pre>" in text
        assert "<h2>Waiting messages</h2>" in text
        assert "behind" in text


async def test_an_unknown_entity_is_not_found(store: str | None) -> None:
    async with site(store=store) as console:
        for parts in ({"address": "nothing"}, {}, {"address": "statefun-actors/reply/x"}, {"type": "console/box"}):
            answer = await console.get(f"/console/entity{query(**parts)}")

            assert answer.status == 404
            assert (
                "<p><bdi>Expected the address of an entity, such as bank/account/ada, of a type that is served or "
                "stored here.</bdi></p>"
            ) in answer.text


async def test_entities_come_in_pages_by_id_and_prefix(store: str | None) -> None:
    async with site(store=store) as console:
        for number in range(120):
            await console.runtime.tell(Box.at(f"id-{number:03}"), Put("x"))
        await console.runtime.tell(Box.at("other"), Put("x"))

        first = (await console.get("/console/entities?type=console%2Fbox&prefix=id-")).text
        second = (await console.get("/console/entities?type=console%2Fbox&prefix=id-&after=id-049")).text
        last = (await console.get("/console/entities?type=console%2Fbox&prefix=id-&after=id-099")).text

        assert 'href="entities?type=console%2Fbox&amp;prefix=id-&amp;after=id-049" rel="next"' in first
        assert [number for number in range(120) if f"id-{number:03}<" in second] == list(range(50, 100))
        assert 'rel="next"' not in last
        assert "id-119" in last
        assert "other" not in first + second + last


async def test_dead_letters_come_in_pages(store: str | None) -> None:
    async with site(store=store) as console:
        for number in range(60):
            await console.runtime.tell(Box.at(f"id-{number:03}"), GiveUp("x"))

        first = (await console.get("/console/dead-letters")).text
        link = first.partition(' rel="next"')[0].rpartition('href="')[2].rstrip('"')
        second = (await console.get(f"/console/{link.replace('&amp;', '&')}")).text

        assert first.count("gave up on x") == 50
        assert second.count("gave up on x") == 10


async def test_the_asks_schedules_timers_and_egress_are_listed(store: str | None) -> None:
    async with site(store=store) as console:
        await console.runtime.tell(Box.at("ada"), Start())

        found = {
            page: (await console.get(f"/console/{page}")).text for page in ("asks", "schedules", "timers", "egress")
        }

        assert "elsewhere/checker/silent" in found["asks"]
        assert "every 1d" in found["schedules"]
        assert "reminder" in found["timers"]
        assert "a record" in found["egress"]


@pytest.mark.parametrize(
    ("page", "title", "text"),
    [
        (
            "dead-letter?number=7",
            "No such dead letter",
            "There is no such dead letter: it has been retried or discarded, or never was.",
        ),
        (
            "ask?token=none",
            "No such ask",
            "the reply address none... takes no answer: it has been answered, its time is over, or it never was. "
            "`statefun-actors asks APP` lists the open ones.",
        ),
        (
            "field?type=console/box&id=ada&field=none",
            "This field can't be edited",
            "Box has no field 'none'; it has: text, numbers",
        ),
    ],
)
async def test_a_page_about_what_is_not_there_says_so(store: str | None, page: str, title: str, text: str) -> None:
    async with site(store=store) as console:
        answer = await console.get(f"/console/{page}")

        shown = html.unescape(answer.text)
        assert answer.status == 404
        assert f"<h1>{title}</h1>" in shown
        assert f"<p><bdi>{text}</bdi></p>" in shown


async def test_a_store_that_can_not_be_read_is_reported(tmp_path: Path) -> None:
    path, away = tmp_path / "store.db", tmp_path / "away.db"
    async with site(store=str(path)) as console:
        token = re.search(r'name="csrf" value="(.+?)"', (await console.get(f"/console/{SEND}")).text)
        assert token is not None
        path.rename(away)
        page = await console.get("/console/")
        body = f"csrf={token[1]}&to=console/box/x&type=console/put&f.text=x"
        act = await console.request("POST", "/console/send-message", body, Content_Type=FORM)
        away.rename(path)

        assert page.status == act.status == 503
        problem = f"store {path}: the file does not exist. `statefun-actors run` creates it."
        assert act.text == f"nothing was changed: {problem}\n"
        assert f"<p><bdi>{problem}</bdi></p>" in html.unescape(page.text)


async def test_a_bug_in_a_page_or_an_act_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> NoReturn:
        raise LookupError("a bug")

    monkeypatch.setitem(vars(pages)["PAGES"], "egress", broken)
    monkeypatch.setitem(vars(acts)["ACTS"], "send-message", acts.Act(plan=broken, page="send"))
    async with site() as console:
        page = await console.get("/console/egress")
        act = await console.act("send-message")

    assert (page.status, page.text) == (500, "this page failed; the log says why\n")
    assert (act.status, act.text) == (500, "this act failed; the log says why\n")
    messages = [each.getMessage() for each in caplog.records if each.name == "statefun_actors.console"]
    assert messages == ["the page 'egress' failed", "the act 'send-message' failed"]
    assert caplog.text.count("LookupError: a bug") == 2


async def test_an_ask_of_an_activity_shows_its_attempts_and_the_last_error(store: str | None) -> None:
    async with AsyncRuntime(Payment, charge, store=store, bind="127.0.0.1:0") as runtime:
        console = Site(runtime)
        await runtime.tell(Payment.at("1"), "the bank")
        page = await console.until("asks", lambda page: "is away" in page)
        found = re.search(r'data-label="attempts">(.*?)</td>', page, re.DOTALL)
        link = re.search(r'href="(ask\?token=.+?)"', page)
        assert found is not None
        assert link is not None
        ask = (await console.get(f"/console/{link[1]}")).text

    assert "&lt;b&gt;the bank&lt;/b&gt;" in found[1]
    assert without_tags(found[1]) == "1, the next in 2 hConnectionError: <b>the bank</b> is away"
    assert "1 attempt has begun; the next one is due in 2 h. The last error:" in without_tags(ask)
    assert "<pre>ConnectionError: &lt;b&gt;the bank&lt;/b&gt; is away</pre>" in ask


def without_tags(page: str) -> str:
    return html.unescape(re.sub("<.*?>", "", page)).strip()
