"""A watched job: each kind of failure is told once, until the job has run for a minute."""

from __future__ import annotations

from statefun_actors.cluster.flink_api import Trouble
from statefun_actors.cluster.job_news import JobNews

FAILED = "The job failed, and Flink starts it again from its last checkpoint: "
AGAIN = "The job fails in the same way again and again: "


def test_a_job_that_fails_in_circles_is_told_once_and_again_when_it_had_recovered() -> None:
    news = JobNews()

    def told(at: float, failure: int, *, running: bool) -> str | None:
        """The line at a time, when the last failure was at another; none has been if that is 0."""
        return news.line(
            Trouble(f"no key at offset {failure}", 1, failure) if failure else None, running=running, now=at
        )

    assert told(0, 0, running=True) is None
    assert told(1, 1, running=False) == f"{FAILED}no key at offset 1"
    assert told(2, 1, running=False) is None
    assert told(3, 1, running=True) == "The job runs again."
    assert told(4, 1, running=True) is None
    assert told(5, 5, running=False) == f"{AGAIN}no key at offset 5"
    for circle in range(10, 40, 10):
        assert told(circle, 5 if circle == 10 else circle - 8, running=True) is None
        assert told(circle + 2, circle + 2, running=False) is None
    assert told(50, 32, running=True) is None
    assert told(109, 32, running=True) is None
    assert told(110, 32, running=True) == "The job runs again."
    assert told(111, 111, running=False) == f"{FAILED}no key at offset 111"


def test_another_kind_of_failure_is_told_at_once() -> None:
    news = JobNews()

    assert news.line(Trouble("no key", 1, 1), running=True, now=0) == f"{FAILED}no key"
    assert news.line(Trouble("no endpoint", 2, 2), running=False, now=1) == f"{FAILED}no endpoint"
    assert news.line(Trouble("no endpoint", 2, 2), running=True, now=2) == "The job runs again."
