"""The egresses whose records come out of the job."""

from __future__ import annotations

from typing import Final

OUT: Final = "flink/out"
LETTERS: Final = "flink/letters"
