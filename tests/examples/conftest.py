"""Makes the examples' modules importable by the names that they have when they are run."""

from __future__ import annotations

import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"

sys.path[:0] = [str(EXAMPLES / name) for name in ("agent", "bank", "cart", "fleet", "flights", "orders", "polyglot")]
