"""Listening sockets: parses addresses, and binds sockets."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path

import attrs

from statefun_actors.system import BACKLOG, listen_at


@attrs.frozen
class Listener:
    """Listening sockets bound to one address, one for each process."""

    name: str
    """``host:port`` with the actual port, or ``unix:/path``."""
    sockets: Sequence[socket.socket]

    @property
    def local(self) -> bool:
        """Whether only this machine can connect."""
        return all(
            sock.family == socket.AF_UNIX or ipaddress.ip_address(sock.getsockname()[0]).is_loopback
            for sock in self.sockets
        )

    def url(self, *, tls: bool) -> str:
        """The URL for clients."""
        if self.name.startswith("unix:"):
            return f"http{'s' if tls else ''}+{self.name.replace(':', '://', 1)}"
        return f"http{'s' if tls else ''}://{self.name}"

    def close(self) -> None:
        for each in self.sockets:
            each.close()


def listen(bind: str, processes: int = 1, *, port: int = 8000) -> Listener:
    """Open sockets that listen at *bind*: ``host:port``, ``host`` (at *port*), ``[::1]:port``, ``unix:/path``.

    Port 0 selects a free port.

    Only this user can connect to a path, unless its mode is changed. A stale socket is replaced.

    With several *processes*, the kernel distributes connections over their sockets.

    Raises:
        ValueError: *bind* is not an address.
        OSError: the address can't be bound; another process may use it.
    """
    if bind.startswith("unix:"):
        # One socket for all processes: the kernel doesn't distribute connections to a path.
        bound = listen_at(Path(bind.removeprefix("unix:")), BACKLOG)
        plain = socket.socket(fileno=bound.detach())  # only these can be given to processes
        plain.setblocking(False)
        return Listener(bind, [plain] * processes)
    host, port = _host_and_port(bind, port)
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    sockets: list[socket.socket] = []
    try:
        for _ in range(processes):
            sock = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if processes > 1:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(address)
            address = sock.getsockname()  # port 0 was replaced by a port, the same for all
        for sock in sockets:
            # The mode of all duplicates, also in other processes: ``dup()`` of a socket that may block would let a loop
            # that accepts by another duplicate wait in accept(), and serve nobody.
            sock.setblocking(False)
            sock.listen(BACKLOG)
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    host, port = str(address[0]), int(address[1])
    return Listener(f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}", sockets)


def _host_and_port(bind: str, default: int) -> tuple[str, int]:
    host, colon, port = bind.rpartition(":")
    if not colon or bind.endswith("]"):
        host, port = bind, str(default)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(
            f"{bind!r} is not an address to listen at; write an IPv6 host in brackets, such as [::1]:8000."
        )
    if not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise ValueError(f"{bind!r} is not an address to listen at; write host:port, such as 0.0.0.0:8000.")
    return host, int(port)
