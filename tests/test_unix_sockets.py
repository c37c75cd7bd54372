"""Sockets at a path: for one user, taken over from the dead, never from who serves them."""

from __future__ import annotations

import errno
import os
import socket
import threading
from pathlib import Path

import pytest

from statefun_actors.system import listen_at


def refused(path: Path) -> OSError:
    with pytest.raises(OSError) as caught:
        listen_at(path)
    return caught.value


def dead(path: Path) -> None:
    """A socket that nobody serves."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


@pytest.mark.parametrize("umask", [0, 0o22])
def test_only_its_user_can_connect(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        sock = listen_at(tmp_path / "s")
    finally:
        os.umask(before)

    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    sock.close()


def test_one_that_is_served_is_left_to_its_server(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("s")
    with listen_at(tmp_path / "s", backlog=0) as sock:
        inode = (tmp_path / "s").stat().st_ino

        for path in (tmp_path / "s", tmp_path / "link"):
            for _ in range(3):  # until there is no room for another connection
                error = refused(path)
                assert (error.errno, error.strerror) == (errno.EADDRINUSE, "another process listens there")
        assert (tmp_path / "s").stat().st_ino == inode
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            datagrams.bind(str(tmp_path / "d"))
            assert refused(tmp_path / "d").errno == errno.EADDRINUSE
        sock.accept()[0].close()


def test_a_dead_one_is_taken_over(tmp_path: Path) -> None:
    dead(tmp_path / "s")

    with listen_at(tmp_path / "s") as sock, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
        sock.accept()[0].close()


def test_a_file_that_is_no_socket_stays(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("notes")

    error = refused(tmp_path / "s")

    assert (error.errno, error.strerror) == (errno.EEXIST, "there is a file of that name, which is no socket")
    assert (tmp_path / "s").read_text() == "notes"


def test_one_of_many_that_come_at_once_gets_it(tmp_path: Path) -> None:
    dead(tmp_path / "s")
    got: list[socket.socket] = []
    lost: list[OSError] = []
    together = threading.Barrier(8)

    def come() -> None:
        together.wait()
        try:
            got.append(listen_at(tmp_path / "s"))
        except OSError as error:
            lost.append(error)

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(got), {error.errno for error in lost}) == (1, {errno.EADDRINUSE})
    got[0].close()
