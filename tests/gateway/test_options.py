"""The options that ``gateway`` has in common with ``run`` and ``serve``, in front of the real job."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import httpx
import pytest

from tests.certificates import self_signed
from tests.cli.commands import run
from tests.gateway.session import APP, GatewayJob, GatewayProcess, gateway_of

_OPTIONS = """
body-limit = 1000
retry-budget = 2
log-format = "json"

[gateway]
module = "{1}"
certfile = "{0}/served.pem"
keyfile = "{0}/served.key"
ca-certs = "{0}/client.pem"
metrics = true
"""

_COUNTS = {
    'statefun_actors_responses_total{status="200"} 2.0',
    'statefun_actors_responses_total{status="404"} 1.0',
    'statefun_actors_responses_total{status="413"} 1.0',
    'statefun_actors_responses_total{status="504"} 1.0',
    "statefun_actors_gateway_waiting 0.0",
    'statefun_actors_gateway_answers_total{outcome="none"} 1.0',
    'statefun_actors_gateway_answers_total{outcome="not open"} 1.0',
    'statefun_actors_gateway_answers_total{outcome="replied"} 2.0',
    "statefun_actors_gateway_answer_seconds_count 4.0",
    'statefun_actors_gateway_replies_total{outcome="not open"} 1.0',
}


def client_of(gateway: GatewayProcess, folder: Path, server: str, own: str) -> httpx.Client:
    """One that trusts the certificate *server*, and presents *own*."""
    context = ssl.create_default_context(cafile=folder / f"{server}.pem")
    context.load_cert_chain(folder / f"{own}.pem", folder / f"{own}.key")
    headers = {"content-type": "application/vnd.bank/deposit"}
    return httpx.Client(base_url=gateway.url, verify=context, timeout=70, headers=headers)


def serve_as(folder: Path, name: str) -> None:
    """Make *name* the certificate that the gateway serves."""
    for end in ("pem", "key"):
        shutil.copy(folder / f"{name}.{end}", folder / "new")
        (folder / "new").replace(folder / f"served.{end}")


@pytest.mark.flink
@pytest.mark.kafka
def test_it_serves_https_to_known_clients_by_a_settings_file(job: GatewayJob, tmp_path: Path) -> None:
    self_signed(tmp_path, "server", "renewed", "client", "stranger")
    serve_as(tmp_path, "server")
    (tmp_path / "own.toml").write_text(_OPTIONS.format(tmp_path, job.module), encoding="utf-8")
    path = "/ingress/bank/account/https?wait=60s"

    with gateway_of(None, "--config", str(tmp_path / "own.toml")) as gateway:
        with client_of(gateway, tmp_path, "server", "client") as client:
            first = client.post(path, json={"cents": 5})
            large = client.post(path, content=b" " * 1001)
        with client_of(gateway, tmp_path, "server", "stranger") as client, pytest.raises(httpx.TransportError):
            client.post(path, json={"cents": 5})
        serve_as(tmp_path, "renewed")
        with client_of(gateway, tmp_path, "renewed", "client") as client:
            again = client.post(path, json={"cents": 5})
            slow = {"content-type": "application/vnd.io.statefun.types/double"}
            late = client.post("/ingress/bank/account/https?wait=1ms", content=b"0.1", headers=slow)
            unknown = client.post("/replies/nothing", json=True)
            metrics = client.get("/metrics").text.splitlines()
        log = gateway.log()

    assert gateway.url.startswith("https://")
    assert (first.json(), again.json()) == ({"balance": 5}, {"balance": 10})
    assert (large.status_code, large.text) == (413, "expected a body of at most 1000 bytes, got 1001 bytes\n")
    assert (late.status_code, unknown.status_code) == (504, 404)
    assert set(metrics) >= _COUNTS
    written = 'statefun_actors_gateway_records_total{outcome="acknowledged",topic="shared.gateway.bank.account"} '
    assert any(line.startswith(written) for line in metrics)
    assert f"read the changed certificates {tmp_path}/served.pem" in log
    assert log.startswith('{"time": ')


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("options", "content", "error"),
    [
        (["--certfile", "a.pem"], "", "TLS needs both --certfile and --keyfile; --ca-certs requires them."),
        (
            ["--certfile", "a.pem", "--keyfile", "a.key"],
            "",
            "a.pem can't be read: No such file or directory.",
        ),
        (
            [],
            "[gateway]\nworkers = 2\n",
            "own.toml: unknown option 'workers' of gateway; expected one of: bind, ca-certs, certfile, keyfile, "
            "log-format, log-level, metrics, module, token.",
        ),
        ([], '[gateway]\nmodule = "other.yaml"\n', "none.yaml can't be read: No such file or directory."),
    ],
)
def test_a_mistake_in_these_options_is_explained(tmp_path: Path, options: list[str], content: str, error: str) -> None:
    (tmp_path / "own.toml").write_text(content, encoding="utf-8")

    done = run("gateway", str(APP), "--module", "none.yaml", "--config", "own.toml", *options, folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].removeprefix("Error: ") == error
