"""Writes the Kubernetes manifests of an application and of the StateFun cluster that calls it.

The endpoint is a Deployment and a Service, StateFun a master and its workers, and the module.yaml a ConfigMap. The
names of the image's variables and folders are those of StateFun's own image (apache/flink-statefun-docker, 3.3.0).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import attrs

from statefun_actors.deploy.components import Module
from statefun_actors.deploy.gateway import answers_topics
from statefun_actors.deploy.module_text import write_documents, write_module
from statefun_actors.deploy.served import Served
from statefun_actors.errors import DefinitionError

Manifest: TypeAlias = Mapping[str, object]

_PARENT_FIRST: Final = ("org.apache.flink.statefun", "org.apache.kafka", "com.google.protobuf")
_IMAGE: Final = "apache/flink-statefun:3.3.0"
_SERVICE: Final = re.compile(r"[a-z]([-a-z0-9]{0,40}[a-z0-9])?")
"""A DNS label of Kubernetes, which leaves room for the suffixes of other names."""
_CHECKPOINTS: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+")
_RPC, _BLOB, _REST, _TASKS = 6123, 6124, 8081, 6122
_DRAIN_SECONDS: Final = 5
"""Seconds for which a pod that ends still accepts requests, since its removal from the Service takes some time."""
_MARGIN_SECONDS: Final = 10


@attrs.frozen(kw_only=True)
class Deployed:
    """Options of the manifests that neither the application nor its module.yaml determines.

    Args:
        app: the argument of ``statefun-actors serve`` in the container.
        url: the URL in the module.yaml; its host is the name of the endpoint's Service.
        image: the image of the endpoint.
        checkpoints: the URI of Flink's checkpoints, which all pods can reach, such as ``s3://bucket/folder``.
    """

    app: str
    url: str
    image: str
    checkpoints: str


def write_manifests(module: Module, served: Served, deployed: Deployed) -> str:
    """The text of the manifests that run *module* for the application that is *served*.

    Raises:
        DefinitionError: *deployed* has mistakes; with all of them.
    """
    url = urlsplit(deployed.url)
    if problems := list(_mistakes(deployed)):
        raise DefinitionError("Kubernetes manifests", problems)
    name, port = str(url.hostname), url.port or 80
    text = write_module(module)
    return write_documents(
        [
            _config(f"{name}-module", name, {"module.yaml": text}),
            _endpoint(name, port, deployed, served, sorted(answers_topics(module))),
            _service(name, name, "endpoint", {"http": port}),
            _config(f"{name}-flink", name, {"flink-conf.yaml": _flink_configuration(name, deployed.checkpoints)}),
            *_account(name),
            _flink(name, "master", {"rpc": _RPC, "blob": _BLOB, "rest": _REST}, memory="1Gi"),
            _service(f"{name}-master", name, "master", {"rpc": _RPC, "blob": _BLOB, "rest": _REST}),
            _flink(name, "worker", {"rpc": _TASKS}, memory="2Gi"),
        ]
    )


def _mistakes(deployed: Deployed) -> Iterator[str]:
    url = urlsplit(deployed.url)
    host = url.hostname or ""
    if url.scheme != "http":
        yield (
            f"url: expected http://SERVICE:PORT, got {deployed.url!r}; for TLS, add its certificates to the manifests "
            "and the module.yaml by hand"
        )
    elif not _SERVICE.fullmatch(host):
        yield (
            "url: expected the name of a Service as its host (lower-case letters, digits and '-', at most 42), "
            f"got {host!r}"
        )
    if not _CHECKPOINTS.fullmatch(deployed.checkpoints):
        yield f"checkpoints: expected a URI such as s3://bucket/folder, got {deployed.checkpoints!r}"


def _flink_configuration(name: str, checkpoints: str) -> str:
    """The flink-conf.yaml. Without high availability, a master that is replaced would begin without state."""
    settings = {
        "statefun.flink-job-name": name,
        "jobmanager.rpc.address": f"{name}-master",
        "jobmanager.rpc.port": _RPC,
        "blob.server.port": _BLOB,
        "taskmanager.rpc.port": _TASKS,
        "taskmanager.numberOfTaskSlots": 1,
        "parallelism.default": 1,
        "jobmanager.memory.process.size": "1g",
        "taskmanager.memory.process.size": "2g",
        # StateFun requires these.
        "classloader.parent-first-patterns.additional": ";".join(_PARENT_FIRST),
        "pipeline.auto-generate-uids": False,
        "execution.savepoint.ignore-unclaimed-state": True,
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.interval": "10s",
        "execution.checkpointing.max-concurrent-checkpoints": 1,
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "restart-strategy": "exponential-delay",
        "state.backend": "rocksdb",
        "state.backend.incremental": True,
        "state.checkpoints.dir": f"{checkpoints}/checkpoints",
        "state.savepoints.dir": f"{checkpoints}/savepoints",
        "high-availability": "kubernetes",
        "high-availability.storageDir": f"{checkpoints}/recovery",
        "kubernetes.cluster-id": name,
    }
    return write_documents([settings])


def _endpoint(name: str, port: int, deployed: Deployed, served: Served, answers: Sequence[str]) -> Manifest:
    longest = served.longest[0] if served.longest is not None else timedelta()
    container = {
        "name": "endpoint",
        "image": deployed.image,
        "command": ["statefun-actors", "serve", deployed.app],
        "args": [
            "--bind",
            f"0.0.0.0:{port}",
            "--log-format",
            "json",
            *(f"--answers-topics={topic}" for topic in answers),
        ],
        "ports": [{"name": "http", "containerPort": port}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10, "failureThreshold": 6},
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(_DRAIN_SECONDS)]}}},
        "resources": {"requests": {"cpu": "500m", "memory": "128Mi"}},
    }
    end = _DRAIN_SECONDS + ceil(longest.total_seconds()) + _MARGIN_SECONDS
    pod = {"terminationGracePeriodSeconds": end, "containers": [container]}
    rollout = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    return _deployment(name, name, "endpoint", pod, replicas=2, strategy=rollout)


def _flink(name: str, role: str, ports: Mapping[str, int], memory: str) -> Manifest:
    """The master or the workers of StateFun."""
    container = {
        "name": role,
        "image": _IMAGE,
        "env": [{"name": "ROLE", "value": role}, {"name": "MASTER_HOST", "value": f"{name}-master"}],
        "ports": [{"name": port, "containerPort": number} for port, number in ports.items()],
        "livenessProbe": {"tcpSocket": {"port": "rpc"}, "initialDelaySeconds": 60, "periodSeconds": 30},
        "resources": {"requests": {"cpu": "500m", "memory": memory}, "limits": {"memory": memory}},
        "volumeMounts": [
            # One file, so that the folder keeps the image's settings of the log.
            {"name": "flink", "mountPath": "/opt/flink/conf/flink-conf.yaml", "subPath": "flink-conf.yaml"},
            {"name": "module", "mountPath": f"/opt/statefun/modules/{name}"},
        ],
    }
    volumes = [{"name": each, "configMap": {"name": f"{name}-{each}"}} for each in ("flink", "module")]
    pod = {"serviceAccountName": f"{name}-flink", "containers": [container], "volumes": volumes}
    return _deployment(f"{name}-{role}", name, role, pod, replicas=1, strategy={"type": "Recreate"})


def _account(name: str) -> list[Manifest]:
    """The right to keep Flink's high-availability data in ConfigMaps."""
    account, meta = f"{name}-flink", _meta(f"{name}-flink", name)
    verbs = ["get", "list", "watch", "create", "update", "patch", "delete"]
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta, "rules": [rule]},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
            "subjects": [{"kind": "ServiceAccount", "name": account}],
        },
    ]


# --- parts of manifests


def _meta(own: str, name: str, component: str | None = None) -> Manifest:
    return {"name": own, "labels": _labels(name, component)}


def _labels(name: str, component: str | None) -> dict[str, str]:
    labels = {"app.kubernetes.io/name": name}
    return labels if component is None else {**labels, "app.kubernetes.io/component": component}


def _config(own: str, name: str, data: Mapping[str, str]) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(own, name), "data": dict(data)}


def _service(own: str, name: str, component: str, ports: Mapping[str, int]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(own, name, component),
        "spec": {
            "selector": _labels(name, component),
            "ports": [{"name": port, "port": number, "targetPort": port} for port, number in ports.items()],
        },
    }


def _deployment(own: str, name: str, component: str, pod: Manifest, *, replicas: int, strategy: Manifest) -> Manifest:
    labels = _labels(name, component)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(own, name, component),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": strategy,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
