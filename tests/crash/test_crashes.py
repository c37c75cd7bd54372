"""Killed at any moment, the embedded runtime loses nothing that it has acknowledged, and does nothing twice."""

from __future__ import annotations

from pathlib import Path

from tests.crash.crashing import crash


def test_killed_in_the_middle_of_commits_it_keeps_every_promise(tmp_path: Path) -> None:
    crashes = crash(tmp_path, kills=6, seed=1)

    print(crashes)
    assert crashes.kills == crashes.committing == 6
    assert crashes.unacknowledged >= 6
    assert crashes.transfers > 50
    assert crashes.violations == []


def test_a_store_that_loses_its_last_commit_is_found_out(tmp_path: Path) -> None:
    crashes = crash(tmp_path, kills=2, seed=2, kind="forgetful")

    assert crashes.violations != []
