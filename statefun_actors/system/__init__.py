"""Operating system and event loop: forks, folders, threads, tasks, Unix sockets, loop errors, throttled log lines."""

from statefun_actors.system.accepting import ACCEPTED_AT_ONCE, BACKLOG, ListeningSocket
from statefun_actors.system.folders import make_folder, partial_name, real_path, sync_folder
from statefun_actors.system.forks import (
    keep_from_children,
    kept_from_children,
    loop_kept_from_children,
    release,
    signals_kept_from_children,
)
from statefun_actors.system.left_tasks import end_tasks, leave
from statefun_actors.system.loop_errors import (
    loop_errors,
)
from statefun_actors.system.own_loop import run_in_own_loop, run_until_done
from statefun_actors.system.threads import (
    ThreadCall,
    wait_for_threads,
)
from statefun_actors.system.throttle import (
    Throttle,
    repeats,
)
from statefun_actors.system.unix_sockets import (
    listen_at,
)

__all__ = [
    "ACCEPTED_AT_ONCE",
    "BACKLOG",
    "ListeningSocket",
    "ThreadCall",
    "Throttle",
    "end_tasks",
    "keep_from_children",
    "kept_from_children",
    "leave",
    "listen_at",
    "loop_errors",
    "loop_kept_from_children",
    "make_folder",
    "partial_name",
    "real_path",
    "release",
    "repeats",
    "run_in_own_loop",
    "run_until_done",
    "signals_kept_from_children",
    "sync_folder",
    "wait_for_threads",
]
