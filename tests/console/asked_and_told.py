"""What the console asks before a change, and what it tells after one."""

from __future__ import annotations

import asyncio
import html
import re

from tests.console.served import DEADLINE, Site

NOT_SERVED = (
    "nothing here serves 'console/none'; served are console/box. Add its class to the application, or correct the "
    "address."
)

NO_JSON = "expected JSON, got '{': Input data was truncated. A text in JSON has quotes of its own: '\"ada\"'."

NO_DURATION = (
    "after: expected a duration, such as 500ms, 5s, 2m, 1h30m, 7d or PT5S (a number alone is seconds), got 'soon'"
)


async def seen(console: Site, page: str, text: str) -> None:
    async with asyncio.timeout(DEADLINE):
        while text not in html.unescape((await console.get(f"/console/{page}")).text):
            pass


def notice(page: str) -> str:
    """The text of the notice of *page*."""
    return text(r'class="notice.*?>(.*?)</p>', page)


def question(page: str) -> str:
    """What *page* asks before a change."""
    return text(r"Are you sure\?</h1>\s*<p>(.*?)</p>", page)


def text(pattern: str, page: str) -> str:
    found = re.search(pattern, page, re.DOTALL)
    assert found is not None, page
    return html.unescape(re.sub("<.*?>", "", found[1]))
