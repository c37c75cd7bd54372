"""Makes the picture of the README: ``python -m tests.console.screenshot [FILE]``, the console while the flights run.

It needs Chromium, as the tests of the console do. Nothing of the picture is drawn by hand.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Final

from tests.console.browser import started

_FLIGHTS: Final = Path(__file__).parents[2] / "examples" / "flights"
_WIDTH: Final = 1280
_BROKEN: Final = {"date": "2013-02-01", "sched_dep": "2013-02-01T10:00:00-05:00", "carrier": "", "flight": 1}
"""A flight without a carrier, whose handler fails: there is no entity with an empty id."""
_REST: Final = {"origin": "JFK", "dest": "LAX", "distance": 2475, "cancelled": False, "air_time": 340}


def main() -> None:
    """Run the example in a temporary folder, and write the picture once all flights are handled."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else _FLIGHTS / "console.png"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "flights.jsonl.gz"
        subprocess.run([sys.executable, _FLIGHTS / "make_input.py", source], check=True)
        command = ["statefun-actors", "run", str(_FLIGHTS), "--input", str(source), "--bind", "127.0.0.1:0"]
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as running:
            try:
                _picture(running, file)
            finally:
                running.terminate()


def _picture(running: subprocess.Popen[str], file: Path) -> None:
    assert running.stderr is not None
    url = next(line.split()[-1] for line in running.stderr if "The console is at" in line)
    body = json.dumps(_BROKEN | _REST).encode()
    headers = {"Content-Type": "application/json"}
    to = f"{url}ingress/flights/aircraft/N14228?type=flights/flight"
    with (
        urllib.request.urlopen(urllib.request.Request(to, body, headers, method="PUT")),
        started() as browser,
        browser.seen(_WIDTH),
    ):
        browser.open(f"{url}console/")
        browser.until_seen("flights/aircraft/N14228")
        browser.until_seen("3,149", 600)  # all aircraft are there
        browser.picture(file)


if __name__ == "__main__":
    main()
