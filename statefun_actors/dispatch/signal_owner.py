"""Whether this process is one of the commands ``run`` and ``serve``, which handle Ctrl-C themselves.

There a ``KeyboardInterrupt`` that leaves a handler was raised by the handler. In any other process it may be Ctrl-C,
which that program handles.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Final


class _Process:
    owners = 0


_process: Final = _Process()


@contextlib.contextmanager
def owning_process() -> Generator[None]:
    """A context in which a KeyboardInterrupt that leaves a handler is a failure of its message."""
    _process.owners += 1
    try:
        yield
    finally:
        _process.owners -= 1


def owns_process() -> bool:
    """Whether :func:`owning_process` is entered."""
    return _process.owners > 0
