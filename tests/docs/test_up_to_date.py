"""The reference and the files for language models are those that their sources give."""

from __future__ import annotations

import subprocess
import sys

from tests.test_readme import ROOT


def test_the_generated_pages_are_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "tests.docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stderr
