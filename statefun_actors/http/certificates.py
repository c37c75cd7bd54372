"""Certificates of TLS: checked at the start, and read again when their files change."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from statefun_actors.own_logger import own_logger
from statefun_actors.text import describe

logger: Final = own_logger("statefun_actors.http")

_Stamp: TypeAlias = tuple[int, int, int]
"""Modification time, size and inode of a file."""


class CertificatesError(ValueError):
    """Files of certificates that can't be used. The text names them. A retry helps once they fit each other."""


@attrs.frozen(kw_only=True)
class Tls:
    """Certificates in PEM files. With *ca_certs*, clients must present a certificate signed by one of them: mutual TLS.

    Raises:
        CertificatesError: a file can't be read, or is not a certificate or its key.
    """

    certfile: Path
    keyfile: Path
    ca_certs: Path | None = None

    def __attrs_post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Read the files. Raises CertificatesError: they can't be used."""
        for path in self.files:
            try:
                path.read_bytes()
            except OSError as error:
                raise CertificatesError(f"{path} can't be read: {error.strerror}") from None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certfile, self.keyfile)
        except (ssl.SSLError, OSError) as error:
            raise CertificatesError(
                f"{self.certfile} and {self.keyfile} are not a certificate and its key: {error}"
            ) from None
        if self.ca_certs is not None:
            try:
                context.load_verify_locations(self.ca_certs)
            except (ssl.SSLError, OSError) as error:
                raise CertificatesError(f"{self.ca_certs} holds no certificates: {error}") from None

    @property
    def files(self) -> list[Path]:
        """All files."""
        return [path for path in (self.certfile, self.keyfile, self.ca_certs) if path is not None]


def renewed(make: Callable[[], ssl.SSLContext], files: Sequence[Path]) -> ssl.SSLContext:
    """A context of *make*, whose later connections use a new one of *make* after any of *files* has changed.

    If *make* fails then, as with a file that is still being written, it logs that once, and the certificates in use
    remain, until the files change again.
    """
    context = make()
    _Renewal(context, make, files)
    return context


class _Renewal:
    """The context in use, and the files that it was made from. OpenSSL asks it at the start of each connection."""

    def __init__(self, context: ssl.SSLContext, make: Callable[[], ssl.SSLContext], files: Sequence[Path]) -> None:
        self._first = self._current = context
        self._make, self._files = make, files
        self._stamps = self._stamps_now()
        # Called with the name that the client asks for, and without one, too; it may choose the context.
        context.sni_callback = self._begin

    def _stamps_now(self) -> list[_Stamp | None]:
        return [_stamp(path) for path in self._files]

    def _names(self) -> str:
        return ", ".join(map(str, self._files))

    def _begin(self, connection: ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        stamps = self._stamps_now()
        if stamps != self._stamps:
            self._stamps = stamps
            try:
                self._current = self._make()
            except (OSError, ValueError) as error:  # an SSLError is an OSError
                logger.warning(
                    "can't read the changed certificates %s, so those in use remain until the files change again: %s",
                    self._names(), describe(error),
                )  # fmt: skip
            else:
                logger.info("read the changed certificates %s", self._names())
        if self._current is not self._first:
            connection.context = self._current


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
