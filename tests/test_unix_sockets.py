"""Unix sockets: only their user can connect, stale ones are replaced, those in use are not."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from pathlib import Path

import pytest

from statefun_actors.system import ACCEPTED_AT_ONCE, listen_at
from tests.descriptors import no_more_descriptors
from tests.engine.engines import until


def refused(path: Path) -> OSError:
    with pytest.raises(OSError) as caught:
        listen_at(path)
    return caught.value


def make_stale(path: Path) -> None:
    """Create a socket that no process listens on."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


@pytest.mark.parametrize("umask", [0, 0o22])
def test_only_the_user_of_a_socket_can_connect(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        sock = listen_at(tmp_path / "s")
    finally:
        os.umask(before)

    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    sock.close()


def test_a_socket_in_use_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("s")
    with listen_at(tmp_path / "s", backlog=0) as sock:
        inode = (tmp_path / "s").stat().st_ino

        for path in (tmp_path / "s", tmp_path / "link"):
            for _ in range(3):  # until the backlog is full
                error = refused(path)
                assert (error.errno, error.strerror) == (errno.EADDRINUSE, "another process listens there")
        assert (tmp_path / "s").stat().st_ino == inode
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            datagrams.bind(str(tmp_path / "d"))
            assert refused(tmp_path / "d").errno == errno.EADDRINUSE
        sock.accept()[0].close()


async def test_a_server_of_asyncio_at_a_socket_keeps_connections_waiting_and_retries_once(tmp_path: Path) -> None:
    """While no descriptors are free. asyncio would let as few wait as it accepts at once."""
    loop, failures = asyncio.get_running_loop(), list[object]()
    clients = [socket.socket(socket.AF_UNIX) for _ in range(9)]
    loop.set_exception_handler(lambda _, context: failures.append(context.get("exception")))
    sock = listen_at(tmp_path / "s")
    accepted = list[asyncio.StreamWriter]()
    server = await asyncio.start_unix_server(
        lambda _, writer: accepted.append(writer), sock=sock, backlog=ACCEPTED_AT_ONCE
    )
    try:
        with no_more_descriptors():
            for client in clients:
                client.setblocking(False)
                client.connect(str(tmp_path / "s"))  # raises BlockingIOError if there is no room
            await until(lambda: len(failures) >= 2)
            failed = len(failures)
        await until(lambda: len(accepted) == len(clients))
    finally:
        server.close()
        for client in clients:
            client.close()
        for writer in accepted:
            writer.close()

    assert failed < 9, "each failure has added a retry"


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    make_stale(tmp_path / "s")

    with listen_at(tmp_path / "s") as sock, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
        sock.accept()[0].close()


def test_a_file_that_is_not_a_socket_is_kept(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("notes")

    error = refused(tmp_path / "s")

    assert (error.errno, error.strerror) == (errno.EEXIST, "a file of that name exists and is not a socket")
    assert (tmp_path / "s").read_text() == "notes"


def test_of_many_threads_that_replace_a_stale_socket_at_once_one_succeeds(tmp_path: Path) -> None:
    make_stale(tmp_path / "s")
    listening: list[socket.socket] = []
    errors: list[OSError] = []
    barrier = threading.Barrier(8)

    def listen() -> None:
        barrier.wait()
        try:
            listening.append(listen_at(tmp_path / "s"))
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=listen) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(listening), {error.errno for error in errors}) == (1, {errno.EADDRINUSE})
    listening[0].close()
