"""Durations and sizes have one grammar on the command line, in settings files, in URLs and in lines of JSON."""

from __future__ import annotations

from datetime import timedelta

import pytest

from statefun_actors.units import read_duration, read_seconds, read_size


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (0, 0),
        (5, 5),
        (0.25, 0.25),
        (1e-5, 1e-5),
        ("5", 5),
        ("0", 0),
        ("0.5", 0.5),
        ("500ms", 0.5),
        ("1.5 s", 1.5),
        ("2m", 120),
        ("2min", 120),
        ("1H", 3600),
        ("7d", 604_800),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1d12h30m5s250ms", 131_405.25),
        (" 5s ", 5),
        ("PT5S", 5),
        ("PT0.0001S", 0.0001),
        ("P1DT12H", 129_600),
        ("PT0S", 0),
    ],
)
def test_durations_are_parsed(written: object, seconds: float) -> None:
    assert read_seconds(written) == seconds
    assert read_duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written",
    [
        *(-1, "", " ", "s", "-2", "-5s", "-PT5S", "soon", "5 parsecs", "30m1h", "5s5s", "5µs", "1e3", "\u0665s"),
        *("PT", "P1Y", "99999999999d", 1e300, True, None, float("nan"), float("inf"), [], "1.s", ".5s"),
    ],
)
def test_an_invalid_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="expected") as raised:
        read_duration(written)

    assert str(raised.value) == (
        f"expected a duration, such as 500ms, 5s, 2m, 1h30m, 7d or PT5S (a number alone is seconds), got {written!r}"
    )


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (1, 1),
        ("1000", 1000),
        (" 5b ", 5),
        ("2 k", 2048),
        ("64M", 64 << 20),
        ("64m", 64 << 20),
        ("64Mi", 64 << 20),
        ("64mi", 64 << 20),
        ("64MB", 64 << 20),
        ("64MiB", 64 << 20),
        ("1gb", 1 << 30),
        ("1T", 1 << 40),
    ],
)
def test_sizes_are_parsed(written: object, size: int) -> None:
    assert read_size(written) == size


@pytest.mark.parametrize(
    "written", [0, -1, "", "M", "1.5M", "ten", "64 i", "5bm", "-5M", "0K", True, None, 1.0, [], "9" * 30, "\u0666M"]
)
def test_an_invalid_size_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="expected") as raised:
        read_size(written)

    assert str(raised.value) == (
        f"expected a size in bytes, more than 0, such as 65536, 64K, 64M, 64MiB or 1G (K is 1024), got {written!r}"
    )


def test_the_error_shortens_a_long_value() -> None:
    with pytest.raises(ValueError, match=r"got 'x{59}…$"):
        read_size("x" * 1000)
