"""Access to the console: for reading, and for changes."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import pytest

from statefun_actors import AsyncRuntime, DefinitionError
from statefun_actors.console.acts import ACTS
from tests.console.served import FORM, SEND, Box, site


async def test_other_sites_are_refused() -> None:
    async with site() as console:
        host = await console.get("/console/", Host="evil.example")
        origin = await console.get("/console/", Origin="http://evil.example")

        assert host.status == origin.status == 403
        assert host.text == (
            "'evil.example' is not a name of this machine; use localhost, or bind to an address with --token\n"
        )


async def test_a_page_may_load_and_send_to_nothing_but_its_own_server() -> None:
    async with site() as console:
        page = await console.get("/console/")

        assert page.headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["cache-control"] == "no-store"
        assert "<style" not in page.text
        assert " style=" not in page.text
        assert " onclick=" not in page.text
        assert page.text.count("<script") == page.text.count("<script src=") == 1


async def test_the_assets_are_there() -> None:
    async with site() as console:
        kinds = {
            name: (await console.get(f"/console/{name}?v=1")).headers["content-type"]
            for name in ("console.css", "console.js", "icon.svg")
        }

        assert kinds == {
            "console.css": "text/css; charset=utf-8",
            "console.js": "text/javascript; charset=utf-8",
            "icon.svg": "image/svg+xml",
        }


async def test_a_page_can_only_be_read() -> None:
    async with site() as console:
        for method in ("POST", "PUT", "DELETE"):
            answer = await console.request(method, "/console/failing")

            assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
            assert answer.text == "pages can only be read: their forms have paths of their own\n"


async def test_a_read_only_console_has_no_forms_and_changes_nothing() -> None:
    refused = (
        "this console is read-only: to change something, start the server with --console full "
        "(in Python: console='full')"
    )
    async with site(console="read-only") as console:
        await console.failing("stuck", "this")
        pages = [await console.get(f"/console/{name}") for name in ("", "failing", "entity?address=console/box/stuck")]
        form = await console.get("/console/send")
        answers = [await console.request("POST", f"/console/{name}", Content_Type=FORM) for name in ACTS]

        assert all("csrf" not in page.text and "<button" not in page.text for page in pages)
        assert form.status == 403
        assert refused in html.unescape(form.text)
        assert {(answer.status, answer.text) for answer in answers} == {(405, refused + "\n")}


async def test_a_form_that_another_site_made_up_changes_nothing() -> None:
    async with site() as console:
        body = "to=console/box/x&type=console/put&f.text=hacked"
        without = await console.request("POST", "/console/send-message", body, Content_Type=FORM)
        guessed = await console.request("POST", "/console/send-message", body + "&csrf=" + "0" * 64, Content_Type=FORM)
        foreign = await console.act("send-message", [("to", "console/box/x")], Origin="http://evil.example")

        assert (without.status, without.text) == (
            403,
            "this form is not one of this console's, or it is from before a restart: open its page again\n",
        )
        assert guessed.status == foreign.status == 403
        assert "hacked" not in (await console.get("/console/entities")).text


async def test_a_form_of_another_session_changes_nothing() -> None:
    async with site(token="secret") as console:
        right = await console.request("POST", "/console/login", "token=secret", Content_Type=FORM)
        session = right.headers["set-cookie"].partition(";")[0]
        fields = [("to", "console/box/x"), ("type", "console/put"), ("f.text", "x")]
        token = re.search(r'"csrf" value="(.*?)"', (await console.get("/console/" + SEND, Cookie=session)).text)
        assert token is not None
        body = urlencode([*fields, ("csrf", token[1])])
        bearer = {"Authorization": "Bearer secret", "Content_Type": FORM}

        other = await console.request("POST", "/console/send-message", body, **bearer)
        none = await console.request("POST", "/console/send-message", body, Content_Type=FORM)
        own = await console.act("send-message", fields, Cookie=session)

        assert other.status == 403
        assert (none.status, none.headers["location"]) == (303, "login")
        assert (own.status, own.headers["location"].partition("&")[0]) == (303, "entity?type=console%2Fbox")


async def test_a_token_is_asked_for_once_and_remembered_in_a_cookie() -> None:
    async with site(token="secret") as console:
        page = await console.get("/console/entities")
        changes = await console.get("/console/changes")
        form = await console.get("/console/login")
        wrong = await console.request("POST", "/console/login", "token=wrong", Content_Type=FORM)
        right = await console.request("POST", "/console/login", "token=secret", Content_Type=FORM)
        cookie = right.headers["set-cookie"]
        session = cookie.partition(";")[0]
        opened = await console.get("/console/entities", Cookie=session)
        forged = await console.get("/console/entities", Cookie=session[:-1] + ("0" if session[-1] != "0" else "1"))

        assert (page.status, page.headers["location"]) == (303, "login")
        assert (changes.status, changes.text) == (401, "log in first\n")
        assert form.status == 200
        assert "console/box" not in form.text
        assert wrong.status == 401
        assert "That is not the token of this server." in wrong.text
        assert (right.status, right.headers["location"]) == (303, "./")
        assert cookie.endswith("; Path=/console; Max-Age=43200; HttpOnly; SameSite=Strict")
        assert "secret" not in cookie
        assert opened.status == 200
        assert "Log out" in opened.text
        assert forged.status == 303


async def test_the_bearer_token_opens_pages_too_and_its_cookie_opens_no_ingress() -> None:
    async with site(token="secret") as console:
        page = await console.get("/console/", Authorization="Bearer secret")
        right = await console.request("POST", "/console/login", "token=secret", Content_Type=FORM)
        session = right.headers["set-cookie"].partition(";")[0]
        sent = await console.request("POST", "/ingress/console/box/a", "{}", Cookie=session)

        assert page.status == 200
        assert sent.status == 401


async def test_a_log_in_from_another_site_is_refused() -> None:
    async with site(token="secret") as console:
        answer = await console.request(
            "POST", "/console/login", "token=secret", Content_Type=FORM, Origin="http://evil.example"
        )

        assert answer.status == 403


async def test_a_log_out_ends_the_session() -> None:
    async with site(token="secret") as console:
        answer = await console.request("POST", "/console/logout")

        assert (answer.status, answer.headers["location"]) == (303, "login")
        assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_a_console_that_is_off_is_not_there() -> None:
    async with site(console="off") as console:
        answers = [await console.get(path) for path in ("/", "/console/", "/console/console.css")]

        assert [answer.status for answer in answers] == [404] * 3


def test_an_unknown_kind_of_console_is_refused() -> None:
    with pytest.raises(DefinitionError, match="expected a console= of 'off', 'read-only' or 'full', got 'on'"):
        AsyncRuntime(Box, console="on")  # type: ignore[arg-type] # on purpose
