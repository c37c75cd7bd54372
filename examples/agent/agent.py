r"""A chat with a model that uses tools: no turn is lost, no tool acts twice, and a person approves purchases.

    python examples/agent/stub_model.py 8091 &
    MODEL=http://127.0.0.1:8091 statefun-actors run examples/agent/agent.py --egress agent/approvals=approvals.jsonl

    curl 'localhost:8080/ingress/agent/session/ada?type=agent/say&wait=30s&until=reply' \
        -H 'Content-Type: application/json' -d '{"text": "weather in Rome"}'
    curl 'localhost:8080/ingress/agent/session/ada?type=agent/look&wait=5s' \
        -H 'Content-Type: application/json' -d '{"seen": 0}'

The model and the tools are outside calls: each is tried again, within a rate, under a key of its own. Between two calls
a session is a row in the store. It may wait days for a person, over restarts and new versions of this file.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Any, Final, Literal

from statefun_actors import Entity, NoAnswer, TerminalError, activity, answers, handles, message, persisted

NEEDS_APPROVAL: Final = frozenset({"buy"})
APPROVAL_TIME: Final = timedelta(days=7)

Status = Literal["idle", "thinking", "using a tool", "waiting for approval"]


@message("agent/say")
class Say:
    text: str


@message("agent/turn")
class Turn:
    """One line of the conversation."""

    role: Literal["user", "assistant", "tool", "error"]
    text: str


@message("agent/think")
class Think:
    turns: list[Turn]


@message("agent/reply")
class Reply:
    text: str


@message("agent/use-tool")
class UseTool:
    tool: str
    argument: str


@message("agent/tool-result")
class ToolResult:
    text: str


@message("agent/approval")
class Approval:
    """The answer of a person."""

    approved: bool


@message("agent/approval-request")
class ApprovalRequest:
    session: str
    tool: str
    argument: str
    link: str


@message("agent/look")
class Look:
    """Asks for the turns after the first *seen*: a page polls with it."""

    seen: int = 0


@message("agent/progress")
class Progress:
    status: Status
    turns: list[Turn]


@message("agent/queued")
class Queued:
    """The text waits until the model has answered the one before."""

    ahead: int


class Session(Entity, typename="agent/session", expire_after_call=timedelta(days=90)):
    """One conversation. The model sees the texts of its user one after the other."""

    status: Status = persisted(default="idle")
    turns: list[Turn] = persisted(factory=list[Turn])
    waiting: list[str] = persisted(factory=list[str])

    @handles
    def say(self, message: Say) -> Queued | None:
        if self.status != "idle":
            self.waiting.append(message.text)
            return Queued(len(self.waiting))
        self._hear(message.text)
        return None  # a caller that waits gets what the last `then` returns

    @handles
    def look(self, message: Look) -> Progress:
        return Progress(self.status, self.turns[message.seen :])

    def _hear(self, text: str) -> None:
        self.turns.append(Turn("user", text))
        self._think()

    def _think(self) -> None:
        self.status = "thinking"
        self.ask(think, Think(self.turns), then=self.thought, timeout=timedelta(hours=1))

    @answers
    def thought(self, answer: Reply | UseTool | NoAnswer) -> Reply | None:
        if isinstance(answer, UseTool):
            self._wish(answer)
            return None
        if isinstance(answer, NoAnswer):
            answer = Reply(f"no answer: {answer.error or answer.reason}")
            self.turns.append(Turn("error", answer.text))
        else:
            self.turns.append(Turn("assistant", answer.text))
        self.status = "idle"
        if self.waiting:
            self._hear(self.waiting.pop(0))
        return answer

    def _wish(self, wish: UseTool) -> None:
        if wish.tool not in NEEDS_APPROVAL:
            self._use(wish)
            return
        self.status = "waiting for approval"
        link = self.reply_address(then=self.approved, timeout=APPROVAL_TIME, keep=wish)
        self.send_egress("agent/approvals", ApprovalRequest(self.id, wish.tool, wish.argument, f"/replies/{link.id}"))

    @answers
    def approved(self, answer: Approval | NoAnswer, keep: UseTool) -> None:
        if isinstance(answer, Approval) and answer.approved:
            self._use(keep)
        else:
            self.turns.append(Turn("tool", f"{keep.tool}: not approved"))
            self._think()

    def _use(self, wish: UseTool) -> None:
        self.status = "using a tool"
        self.ask(use_tool, wish, then=self.used, timeout=timedelta(hours=1))

    @answers
    def used(self, answer: ToolResult | NoAnswer) -> None:
        if isinstance(answer, NoAnswer):
            answer = ToolResult(f"failed: {answer.error or answer.reason}")
        self.turns.append(Turn("tool", answer.text))
        self._think()


@activity("agent/think-call", attempts=8, backoff=0.5, timeout=timedelta(seconds=60), concurrency=8, rate="600/m")
def think(message: Think, key: str) -> Reply | UseTool:
    """Let the model continue the conversation."""
    answer = _call("/think", key, {"turns": [{"role": turn.role, "text": turn.text} for turn in message.turns]})
    return UseTool(answer["tool"], answer["argument"]) if "tool" in answer else Reply(answer["text"])


@activity("agent/tool-call", attempts=8, backoff=0.5, timeout=timedelta(seconds=60), concurrency=8)
def use_tool(message: UseTool, key: str) -> ToolResult:
    """Run a tool. The key is the same over all attempts, so a tool that knows it acts once."""
    return ToolResult(_call(f"/tools/{message.tool}", key, {"argument": message.argument})["text"])


def _call(path: str, key: str, body: object) -> dict[str, Any]:
    url = f"{os.environ.get('MODEL', 'http://127.0.0.1:8091')}{path}"
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - a URL of the operator's
    try:
        with urllib.request.urlopen(request, timeout=50) as response:  # noqa: S310 - the same
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        if 400 <= error.code < 500 and error.code != 429:
            raise TerminalError(f"{path} answered {error.code}") from error
        raise  # another attempt may help
