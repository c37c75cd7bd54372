"""Requests that reach the socket of a partition which is started again after a pause."""

from __future__ import annotations

import http.client
import os
import re
import threading
from pathlib import Path

from statefun_actors.cli.run.standing_in import respond_meanwhile
from statefun_actors.http import listen
from tests.partitions.running import Running, wait_for
from tests.partitions.systems import id_in

DEADLINE = 30.0


def test_requests_get_503_for_the_time_of_the_pause() -> None:
    """Then the socket still listens, for the process of the partition."""
    listener = listen("127.0.0.1:0")
    host, _, port = listener.name.partition(":")
    respond_meanwhile("partition 1", listener.sockets, 1.5)
    for method, body in (("GET", None), ("PUT", b"1" * 100_000)):
        connection = http.client.HTTPConnection(host, int(port), timeout=DEADLINE)
        connection.request(method, "/ingress/a/b/c", body)
        response = connection.getresponse()
        assert (response.status, response.headers["retry-after"], response.headers["connection"]) == (503, "1", "close")
        assert response.read() == b"not taken, send it again: partition 1 is started again in 1.5 s\n"
        connection.close()
    wait_for(lambda: "for partition 1" not in {thread.name for thread in threading.enumerate()})
    connection = http.client.HTTPConnection(host, int(port), timeout=DEADLINE)
    connection.connect()
    [sock] = listener.sockets
    sock.settimeout(DEADLINE)
    accepted, _address = sock.accept()
    accepted.close()
    connection.close()
    listener.close()


def test_one_that_begins_does_not_block_another_that_accepts(tmp_path: Path) -> None:
    """A partition may die while the last pause is ending: both accept by duplicates of one socket."""
    for bind in ("127.0.0.1:0", f"unix:{tmp_path}/socket"):
        listener = listen(bind)
        [sock] = listener.sockets
        with sock.dup() as copy:
            assert not os.get_blocking(copy.fileno())
            assert not os.get_blocking(sock.fileno())
        listener.close()


def test_a_partition_that_dies_again_and_again_leaves_no_request_waiting(tmp_path: Path) -> None:
    here = id_in(0, "test/cell")
    with Running(tmp_path, 2) as running:
        other, dying = running.pid_of(0), running.pid_of(1)
        refused: list[str] = []
        for _ in range(10):
            running.kill(dying)
            if re.search(r"partition 1 was killed by SIGKILL; it is started again in .* s", running.logged()):
                got = [running.add(here, 1) for _ in range(20)]
                assert {each.status for each in got} <= {200, 503}
                refused += [each.body.decode() for each in got if each.status == 503]
                if refused:
                    break
            wait_for(lambda: len(running.children()) == 2)
            [dying] = set(running.children()) - {other}
        assert re.fullmatch(r"not taken, send it again: partition 1 is started again in [\d.]+ s\n", refused[0])
