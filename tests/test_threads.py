"""Calls in threads: what the end of a process waits for, and what a child process has of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from statefun_actors.system import ThreadCall

SECONDS = 60

BEGIN = """
import asyncio, os, sys, threading
from statefun_actors.system import ThreadCall

async def begin(call):
    begun = threading.Event()
    thread = ThreadCall(lambda: (begun.set(), call()))
    begun.wait()
    return thread
"""
ENDS_FIRST = """
def call():
    main.wait()
    print("the call has ended", flush=True)

main = threading.Event()
asyncio.run(begin(call))
print("the main thread has ended", flush=True)
main.set()
"""
LET_GO = """
asyncio.run(begin(threading.Event().wait)).abandon()
print("the main thread has ended", flush=True)
"""
FORKED = """
async def work():
    return await ThreadCall(lambda: b"child\\n" if os.getpid() != parent else b"parent\\n").result

parent = os.getpid()
never = asyncio.run(begin(threading.Event().wait))
os.write(1, asyncio.run(work()))
child = os.fork()
os.write(1, asyncio.run(work()))
if child:
    status = os.waitpid(child, 0)[1]
    never.abandon()
    sys.exit(status)
"""


def ran(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BEGIN + script],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_process_ends_after_its_calls() -> None:
    assert ran(ENDS_FIRST) == ["the main thread has ended", "the call has ended"]


def test_a_process_ends_although_an_abandoned_call_never_does() -> None:
    assert ran(LET_GO) == ["the main thread has ended"]


def test_a_child_starts_threads_of_its_own_and_does_not_wait_for_those_of_its_parent() -> None:
    assert sorted(ran(FORKED)) == ["child", "parent", "parent"]


async def test_a_call_returns_or_raises_in_another_thread() -> None:
    def fail() -> None:
        raise SystemExit(3)

    assert await ThreadCall(threading.get_ident).result != threading.get_ident()
    with pytest.raises(SystemExit, match="3"):
        await ThreadCall(fail).result


async def test_calls_one_after_the_other_need_no_further_thread() -> None:
    await ThreadCall(threading.get_ident).result
    threads = set(threading.enumerate())

    used = [await ThreadCall(threading.current_thread).result for _ in range(20)]

    assert threads.issuperset(used)


async def test_a_call_goes_on_when_its_result_is_cancelled() -> None:
    go, ended = threading.Event(), threading.Event()
    call = ThreadCall(lambda: go.wait(SECONDS), ended.set)

    call.result.cancel()
    go.set()

    assert await asyncio.to_thread(ended.wait, SECONDS)
