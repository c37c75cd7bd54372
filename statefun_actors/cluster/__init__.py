"""A real StateFun cluster on this machine: its jars, its processes, and what they are told."""

from statefun_actors.cluster.cluster import Cluster, ClusterOptions, EndpointProgram, savepoint_in
from statefun_actors.cluster.errors import (
    ClusterLateError,
    FolderInUseError,
    JobFailsError,
    MissingToolError,
    ProcessEndedError,
    SavepointError,
    ToolFailedError,
)
from statefun_actors.cluster.jvm import FlinkPrograms, Program, flink_programs, kafka_program
from statefun_actors.cluster.toolchain import missing_tool

__all__ = [
    "Cluster",
    "ClusterLateError",
    "ClusterOptions",
    "EndpointProgram",
    "FlinkPrograms",
    "FolderInUseError",
    "JobFailsError",
    "MissingToolError",
    "ProcessEndedError",
    "Program",
    "SavepointError",
    "ToolFailedError",
    "flink_programs",
    "kafka_program",
    "missing_tool",
    "savepoint_in",
]
