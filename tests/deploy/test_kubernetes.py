"""``module --format k8s``: manifests that the schemas of Kubernetes accept, for the module.yaml of the application."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped] # pyright: ignore[reportMissingTypeStubs]
import pytest
import yaml
from click.testing import CliRunner

from statefun_actors.cli import main
from statefun_actors.deploy import parse_module

APP = f"{Path(__file__).with_name('apps.py')}:Cart"
PLAN = ["--url", "http://shop:8000", "--kafka", "k:9092", "--topic", "adds:shop/add=shop/cart"]
K8S = ["--format", "k8s", "--image", "shop:1", "--checkpoints", "s3://bucket/shop/"]


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["module", APP, *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def manifests() -> dict[tuple[str, str], dict[str, Any]]:
    """By kind and name."""
    found = list(yaml.safe_load_all(printed(*PLAN, *K8S)))
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


def container(name: str) -> dict[str, Any]:
    [only] = manifests()["Deployment", name]["spec"]["template"]["spec"]["containers"]
    return dict(only)


def test_every_manifest_fits_the_schema_of_its_kind() -> None:
    found = manifests()

    for manifest in found.values():
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    assert [kind for kind, _ in found] == [
        "ConfigMap", "Deployment", "Service", "ConfigMap", "ServiceAccount", "Role", "RoleBinding", "Deployment",
        "Service", "Deployment",
    ]  # fmt: skip


def test_the_module_file_is_the_one_that_is_printed_without_it() -> None:
    text = manifests()["ConfigMap", "shop-module"]["data"]["module.yaml"]

    assert text == printed(*PLAN)
    assert parse_module(text).endpoints[0].url == "http://shop:8000/statefun"


def test_the_endpoint_is_served_where_the_module_file_says() -> None:
    endpoint, service = container("shop"), manifests()["Service", "shop"]["spec"]

    assert endpoint["command"] == ["statefun-actors", "serve", APP]
    assert endpoint["args"][:2] == ["--bind", "0.0.0.0:8000"]
    assert endpoint["image"] == "shop:1"
    assert service["ports"] == [{"name": "http", "port": 8000, "targetPort": "http"}]


def test_the_endpoint_answers_the_gateways_of_the_module_file() -> None:
    found = yaml.safe_load_all(printed(*PLAN, "--gateway", *K8S))
    [endpoint] = [each for each in found if (each["kind"], each["metadata"]["name"]) == ("Deployment", "shop")]

    assert endpoint["spec"]["template"]["spec"]["containers"][0]["args"] == [
        *container("shop")["args"],
        "--answers-topics=apps.gateway.answers",
    ]


def test_requests_are_finished_before_a_pod_ends() -> None:
    pod = manifests()["Deployment", "shop"]["spec"]["template"]["spec"]
    drain = int(container("shop")["lifecycle"]["preStop"]["exec"]["command"][1])

    assert pod["terminationGracePeriodSeconds"] > drain + 60  # the longest handler of Cart may take a minute


def test_a_master_that_is_replaced_recovers_from_the_checkpoints() -> None:
    configuration = yaml.safe_load(manifests()["ConfigMap", "shop-flink"]["data"]["flink-conf.yaml"])

    assert configuration["high-availability"] == "kubernetes"
    assert configuration["high-availability.storageDir"] == "s3://bucket/shop/recovery"
    assert configuration["state.checkpoints.dir"] == "s3://bucket/shop/checkpoints"
    assert configuration["jobmanager.rpc.address"] == "shop-master"


def test_each_flink_pod_refers_to_maps_and_an_account_that_exist() -> None:
    found = manifests()

    for role in ("master", "worker"):
        pod = found["Deployment", f"shop-{role}"]["spec"]["template"]["spec"]
        assert ("ServiceAccount", pod["serviceAccountName"]) in found
        assert all(("ConfigMap", volume["configMap"]["name"]) in found for volume in pod["volumes"])
        assert [mount["name"] for mount in pod["containers"][0]["volumeMounts"]] == ["flink", "module"]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ([*PLAN, "--format", "k8s"], 2, "--format k8s needs --image and --checkpoints, and these need --format k8s."),
        ([*PLAN, "--image", "shop:1"], 2, "--format k8s needs --image and --checkpoints"),
        (
            ["--url", "https://shop:8000", *K8S],
            2,
            "url: expected http://SERVICE:PORT, got 'https://shop:8000'; for TLS,",
        ),
        (["--url", "http://shop.example.org", *K8S], 2, "expected the name of a Service as its host"),
        ([*PLAN, *K8S[:-1], "/checkpoints"], 2, "expected a URI such as s3://bucket/folder, got '/checkpoints'"),
    ],
)
def test_mistakes_are_named(arguments: list[str], code: int, text: str) -> None:
    result = CliRunner().invoke(main, ["module", APP, *arguments])

    assert result.exit_code == code
    assert text in " ".join(result.output.split())
