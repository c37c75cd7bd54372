"""The sessions of agent.py behind a web page, in one process with it.

    python examples/agent/stub_model.py 8091 &
    cd examples/agent && hypercorn chat:app

Open http://127.0.0.1:8000/#ada and say "buy a pen". The page polls for new turns, and shows purchases to approve. It
may be closed and opened again days later, and the server may be restarted meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from agent import Approval, Look, Say, Session, UseTool, think, use_tool
from quart import Quart, ResponseReturnValue, request

from statefun_actors import AsyncRuntime, NotOpenError

PAGE: Final = Path(__file__).with_name("chat.html").read_text(encoding="utf-8")

app = Quart(__name__)
runtime = AsyncRuntime(Session, think, use_tool, store=os.environ.get("AGENT_STORE", "agent.db"))


@app.while_serving
async def lifespan() -> AsyncGenerator[None]:
    async with runtime:
        yield


@app.get("/")
async def page() -> ResponseReturnValue:
    return PAGE


@app.post("/sessions/<id>")
async def say(id: str) -> ResponseReturnValue:
    await runtime.tell(Session.at(id), Say((await request.get_json())["text"]))
    return "", 202  # it is on disk


@app.get("/sessions/<id>")
async def look(id: str) -> ResponseReturnValue:
    progress = await runtime.ask(Session.look, id, Look(int(request.args.get("seen", 0))))
    asker = Session.at(id)
    return {
        "status": progress.status,
        "turns": [{"role": turn.role, "text": turn.text} for turn in progress.turns],
        "approvals": [
            {"token": ask.address.id, "wish": f"{ask.keep.tool} {ask.keep.argument}"}
            for ask in runtime.asks
            if ask.asker == asker and isinstance(ask.keep, UseTool)
        ],
    }


@app.post("/approvals/<token>")
async def approve(token: str) -> ResponseReturnValue:
    try:
        await runtime.answer(token, Approval((await request.get_json())["approved"]))
    except NotOpenError as error:
        return str(error), 404
    return "", 202
