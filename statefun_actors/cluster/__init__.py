"""A real StateFun cluster on this machine: its jars, its processes and their configuration."""

from statefun_actors.cluster.broker_log import kafka_cluster_id, kafka_topic_ids
from statefun_actors.cluster.cluster import Cluster, ClusterOptions, EndpointProgram
from statefun_actors.cluster.errors import (
    ClusterLateError,
    FolderInUseError,
    JobFailsError,
    MissingToolError,
    ProcessEndedError,
    SavepointError,
    ToolFailedError,
)
from statefun_actors.cluster.folder_lock import (
    is_running,
)
from statefun_actors.cluster.jvm import FlinkPrograms, Program, flink_programs, kafka_program
from statefun_actors.cluster.savepoints import take_savepoint
from statefun_actors.cluster.states import (
    SavedState,
    is_checkpoint,
    last_state,
    note_savepoint,
    resume_from,
    savepoint_in,
)
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
    "SavedState",
    "SavepointError",
    "ToolFailedError",
    "flink_programs",
    "is_checkpoint",
    "is_running",
    "kafka_cluster_id",
    "kafka_program",
    "kafka_topic_ids",
    "last_state",
    "missing_tool",
    "note_savepoint",
    "resume_from",
    "savepoint_in",
    "take_savepoint",
]
