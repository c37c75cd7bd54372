"""The reply in an HTTP response."""

from __future__ import annotations

from urllib.parse import unquote

from statefun_actors.calls import Question
from statefun_actors.client.http_attempts import HttpResponse
from statefun_actors.model import TypedValue


def reply_of(question: Question, response: HttpResponse) -> object:
    """The reply to *question* in *response*.

    Raises:
        NoReplyError: the handler did not reply, or a ``tell`` sent the message before.
        UnexpectedReplyError: it has another type than *question* expects.
    """
    if response.status in {202, 204}:
        question.no_reply(told=response.status == 202)
        return None
    typename = unquote(response.headers.get("statefun-type", "no type"))
    if response.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
        return question.json_answer(typename, response.body)
    return question.answer(TypedValue(typename, response.body), {})
