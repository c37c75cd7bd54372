"""Certificates that tests make with openssl: NAME.pem and NAME.key in a folder, each its own authority."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

_KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
"""Made in 10 ms, where one of RSA takes 200."""


def self_signed(folder: Path, *names: str) -> None:
    """Certificates of the loopback, which are valid for two days."""
    for name in names:
        files = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
        request = ["-x509", "-days", "2", "-addext", "subjectAltName=IP:127.0.0.1", *files]
        _openssl(folder, "req", *_KEY, "-nodes", "-subj", f"/CN={name}", *request)


def expired(folder: Path, name: str) -> None:
    """A certificate that was valid on one day in 2020."""
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01\n")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\npolicy=p\ndefault_md=sha256\n"
        "[p]\ncommonName=supplied\n"
    )
    key = f"{name}.key"
    _openssl(folder, "req", *_KEY, "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", "request")
    _openssl(
        folder, "ca", "-config", "ca.cnf", "-selfsign", "-batch", "-notext", "-in", "request", "-keyfile", key,
        "-out", f"{name}.pem", "-startdate", "20200101000000Z", "-enddate", "20200102000000Z",
    )  # fmt: skip


def join(folder: Path, name: str, *certificates: str) -> None:
    """A file NAME.pem of all *certificates*, in place of the one that is there."""
    text = "".join((folder / f"{each}.pem").read_text() for each in certificates)
    (folder / "new").write_text(text)
    (folder / "new").replace(folder / f"{name}.pem")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
