"""Where the endpoint listens: addresses as users write them, bound sockets, certificates."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.system import listen_at

BACKLOG: Final = 1024


@attrs.frozen(kw_only=True)
class Tls:
    """Certificates in PEM files. With *ca_certs* a client must show one that they signed: mutual TLS.

    Raises:
        ValueError: a file can't be read, or does not hold what it should.
    """

    certfile: Path
    keyfile: Path
    ca_certs: Path | None = None

    def __attrs_post_init__(self) -> None:
        for path in filter(None, (self.certfile, self.keyfile, self.ca_certs)):
            try:
                path.read_bytes()
            except OSError as error:
                raise ValueError(f"{path} can't be read: {error.strerror}") from None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certfile, self.keyfile)
        except (ssl.SSLError, OSError) as error:
            raise ValueError(f"{self.certfile} and {self.keyfile} are no certificate and its key: {error}") from None
        if self.ca_certs is not None:
            try:
                context.load_verify_locations(self.ca_certs)
            except (ssl.SSLError, OSError) as error:
                raise ValueError(f"{self.ca_certs} holds no certificates: {error}") from None


@attrs.frozen
class Listener:
    """Sockets bound to one address, as many as there are processes to serve it; each of them listens."""

    name: str
    """``host:port`` as it came out, or ``unix:/path``."""
    sockets: Sequence[socket.socket]

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return all(
            sock.family == socket.AF_UNIX or ipaddress.ip_address(sock.getsockname()[0]).is_loopback
            for sock in self.sockets
        )

    def url(self, *, tls: bool) -> str:
        """As a client would write it."""
        if self.name.startswith("unix:"):
            return f"http{'s' if tls else ''}+{self.name.replace(':', '://', 1)}"
        return f"http{'s' if tls else ''}://{self.name}"

    def close(self) -> None:
        for each in self.sockets:
            each.close()


def listen(bind: str, processes: int = 1, *, port: int = 8000) -> Listener:
    """Sockets that listen at *bind*: ``host:port``, ``host`` (at *port*), ``[::1]:port``, ``unix:/path``.

    Port 0 takes a free one.

    Only this user can connect to a path, unless its mode is changed. A socket that nobody serves any more is replaced.

    With several *processes* the kernel spreads the connections over their sockets.

    Raises:
        ValueError: *bind* is no such address.
        OSError: it can't be had, another process listens there, say.
    """
    if bind.startswith("unix:"):
        # One socket for all: there is no spreading of the connections to a path.
        return Listener(bind, [listen_at(Path(bind.removeprefix("unix:")), BACKLOG)] * processes)
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
            address = sock.getsockname()  # port 0 is a port from here on, the same for all
        for sock in sockets:
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
        raise ValueError(f"{bind!r} is no address to listen at; write an IPv6 host in brackets, such as [::1]:8000.")
    if not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise ValueError(f"{bind!r} is no address to listen at; write host:port, such as 0.0.0.0:8000.")
    return host, int(port)
