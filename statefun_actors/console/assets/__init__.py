"""The style, the script and the icon, read once. Their URLs hold a digest, so browsers keep them until they change."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

from statefun_actors.http import Response

_FOLDER: Final = Path(__file__).parent
_TYPES: Final = {
    "console.css": b"text/css; charset=utf-8",
    "console.js": b"text/javascript; charset=utf-8",
    "icon.svg": b"image/svg+xml",
}
_HEADERS: Final = (
    (b"cache-control", b"max-age=31536000, immutable"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Assets:
    """The files of this folder, each read with its first use."""

    def __init__(self) -> None:
        self._read: dict[str, bytes] = {}

    def response(self, name: str) -> Response | None:
        """The file *name*; None if there is none."""
        kind = _TYPES.get(name)
        return None if kind is None else Response(200, self._bytes(name), kind, _HEADERS)

    def url(self, name: str) -> str:
        """The URL of the file *name*, relative to a page."""
        return f"{name}?v={sha256(self._bytes(name)).hexdigest()[:12]}"

    def _bytes(self, name: str) -> bytes:
        if name not in self._read:
            self._read[name] = (_FOLDER / name).read_bytes()
        return self._read[name]


ASSETS: Final = Assets()
