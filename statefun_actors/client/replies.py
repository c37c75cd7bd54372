"""The reply in an HTTP response."""

from __future__ import annotations

from urllib.parse import unquote

from statefun_actors.calls import Question
from statefun_actors.client.conversation import Answered
from statefun_actors.model import TypedValue


def reply_of(question: Question, answered: Answered) -> object:
    """The reply to *question* in *answered*.

    Raises:
        NoReplyError: the handler did not reply.
        UnexpectedReplyError: it has another type than *question* expects.
    """
    if answered.status == 204:
        question.no_reply()
        return None
    typename = unquote(answered.headers.get("statefun-type", "no type"))
    if answered.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
        return question.json_answer(typename, answered.body)
    return question.answer(TypedValue(typename, answered.body), {})
