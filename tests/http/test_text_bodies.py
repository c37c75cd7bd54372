"""Text bodies are one printable line, whatever the request holds."""

from __future__ import annotations

import pytest

from statefun_actors.http.request import line


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 500, 503])
def test_a_body_of_text_is_one_line_of_printable_characters(status: int) -> None:
    body = line(status, "a\nERROR b\r\x1b]0;c\x07\u202e\u2028\x9b\udcff").body

    assert body == rb"a\nERROR b\r\x1b]0;c\x07\u202e\u2028\x9b\udcff" + b"\n"
