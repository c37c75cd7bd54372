"""A file of lines as people write it, and its import."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from statefun_actors import Address, Entity, handles, kafka_record, message, persisted
from statefun_actors.admin import import_store, known_codecs
from statefun_actors.dispatch import Application


@message("shop/wish")
class Wish:
    text: str


class Basket(Entity, typename="shop/basket"):
    total: int = persisted(default=0)
    wishes: list[str] = persisted(factory=list, expire_after_write=timedelta(days=1))
    last: Wish | None = persisted(default=None)
    raw: bytes = persisted(default=b"")

    @handles
    def wish(self, message: Wish) -> None:
        self.wishes.append(message.text)
        self.last = message
        self.raw = bytes(range(4))
        self.send(Address("elsewhere/audit", self.id), message)
        self.send_after(timedelta(days=2), self.address, 5, cancellation_token="later")
        self.send_egress("shop/wishes", kafka_record(topic="wishes", key=self.id, value=message))

    @handles
    def take(self, message: int) -> None:
        raise ValueError("sold out")


def names(folder: Path) -> list[str]:
    """The files in *folder*, except SQLite's own, which a reader of a store leaves behind empty."""
    return sorted(file.name for file in folder.iterdir() if file.suffix not in {".db-wal", ".db-shm"})


def imported(lines: list[bytes], path: Path, *, replace: bool = False, app: bool = False) -> dict[str, int]:
    known = known_codecs(Application(Basket)) if app else None
    return asyncio.run(import_store(lines, "shop.jsonl", path, known, replace=replace))


GOOD = [
    b'{"kind":"store","version":1,"next_seq":9}\n',
    b'{"kind":"position","name":"in","position":"3"}\n',
    b'{"kind":"entity","type":"bank/account","id":"ada","packed":"eA=="}\n',
    b'{"kind":"message","seq":3,"to":["bank/account","ada"],"value":{"type":"bank/deposit","json":{"cents":5}}}\n',
    b'{"kind":"timer","seq":4,"due_ms":5,"to":["bank/account","ada"],"value":{"type":"t/v","base64":""}}\n',
    b'{"kind":"timer","seq":5,"due_ms":6,"to":["bank/account","ada"],"value":{"type":"t/v","base64":""}}\n',
    b'{"kind":"request","to":["bank/account","ada"],"key":"k","digest":"d","time_ms":1,"request":"2","state":"replied",'
    b'"result":{"type":"t/v","base64":""}}\n',
    b'{"kind":"end","lines":6}\n',
]
