"""What the ``flink`` command shows of its endpoint's log."""

from __future__ import annotations

import logging
from pathlib import Path

from statefun_actors.cli.logs import LogOptions, TextFormatter
from statefun_actors.cli.serve.endpoint_log import EndpointLog


def test_it_reports_each_fault_of_a_file_once(tmp_path: Path) -> None:
    path = tmp_path / "endpoint.log"
    log = EndpointLog(path)
    assert log.news() == []
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(TextFormatter(LogOptions("info")))
    logger = logging.getLogger("shop.endpoint-log")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)

    logger.info("as ever")
    logger.warning("a dead letter: %s", "é")
    assert log.news() == ["WARNING shop.endpoint-log: a dead letter: é"]
    try:
        raise RuntimeError("boom")
    except RuntimeError:
        logger.exception("shop/cart/a: a batch failed")
    logger.info("first line\nsecond line")
    first, *traceback = log.news()
    logger.removeHandler(handler)
    handler.close()

    assert first == "ERROR shop.endpoint-log: shop/cart/a: a batch failed"
    assert (traceback[0], traceback[-1]) == ("  | Traceback (most recent call last):", "  | RuntimeError: boom")
    assert log.news() == []


def test_a_line_that_is_half_written_is_yielded_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "endpoint.log"
    log = EndpointLog(path)

    path.write_text("2026-01-01 00:00:00,000 ERROR one\n2026-01-01 00:00:00,001 ERR", encoding="utf-8")
    assert log.news() == ["ERROR one"]
    with path.open("a", encoding="utf-8") as file:
        file.write("OR two\n")

    assert log.news() == ["ERROR two"]


def test_of_a_flood_the_first_lines_are_shown_and_the_place_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "endpoint.log"
    path.write_text("".join(f"2026-01-01 00:00:00,000 ERROR {n}\n" for n in range(1_000)), encoding="utf-8")

    reported = EndpointLog(path).news()

    assert reported[0] == "ERROR 0"
    assert reported[59:] == ["ERROR 59", f"940 more lines are in {path}"]


def test_a_repeated_line_is_logged_once_a_minute(tmp_path: Path) -> None:
    path, now = tmp_path / "endpoint.log", 5.0
    log = EndpointLog(path, lambda: now)

    def said(*lines: str) -> list[str]:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        return log.news()

    failed = "2026-01-01 00:00:00,000 ERROR a failed"
    assert said(failed, "Traceback", failed, "Traceback") == ["ERROR a failed", "Traceback"]
    now += 59
    assert said(failed, failed.replace("a ", "b ")) == ["ERROR b failed"]
    now += 1
    assert said(failed, failed) == ["ERROR a failed"]
