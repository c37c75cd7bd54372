"""The summaries of all partitions of a run as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from statefun_actors.cli.run.counts import Count
from statefun_actors.cli.run.options import RunOptions
from statefun_actors.cli.run.sinks import shown_targets
from statefun_actors.cli.run.summary import MOST_FAILING, Summary, unwritten_error
from statefun_actors.cli.run.supervisor import Outcome
from statefun_actors.connectors.files import BAD_LINES
from statefun_actors.partitions import partition_of_name


def merged_summary(name: str, options: RunOptions, outcome: Outcome) -> Summary:
    """The summary of the run of all partitions.

    Args:
        name: of the application.
        options: of the run.
        outcome: its end.
    """
    summaries = outcome.summaries
    ended = None if outcome.done or outcome.signal is None else outcome.signal.name
    found = [each for each in summaries if each is not None]
    targets = shown_targets(options.egress, options.kafka_egresses)
    mapped = targets.keys() | (set() if options.skip_bad_lines is None else {BAD_LINES})
    kept_names = sorted({egress for each in found for egress in each.kept_names})
    stopped = next((each for each in found if each.error is not None), None)
    error, bad_line = (outcome.error, False) if stopped is None else (stopped.error, stopped.bad_line)
    if error is None and ended is None and (unwritten := [egress for egress in kept_names if egress in mapped]):
        error = unwritten_error(unwritten)
    return Summary(
        app=name,
        store=None if options.in_memory else str(options.store),
        ended="error" if error is not None else ended or "idle",
        error=error,
        bad_line=bad_line,
        seconds=outcome.seconds,
        lines=_sum(each.lines for each in found),
        skipped=_sum(each.skipped for each in found),
        records=_counted(each.records for each in found),
        bad_records=sum(each.bad_records for each in found),
        handled=sum(each.handled for each in found),
        timers=_sum(each.timers for each in found),
        timers_fired=sum(each.timers_fired for each in found),
        waiting=sum(each.waiting for each in found),
        egress={
            egress: next((each.egress[egress] for each in found if egress in each.egress), Count())
            for egress in targets
        },
        targets=targets,
        kept=sum(each.kept for each in found),
        kept_names=kept_names,
        dead_letters=_sum(each.dead_letters for each in found),
        discarded=sum(each.discarded for each in found),
        entities=dict(sorted(_counted(each.entities for each in found).items())),
        parked=dict(sorted(_counted(each.parked for each in found).items())),
        failing=[failing for each in found for failing in each.failing][:MOST_FAILING],
        failing_egress={
            egress: reason
            for number, each in enumerate(summaries)
            for egress, reason in (() if each is None else each.failing_egress.items())
            # That of another one is a link, which fails while the other one is down.
            if egress in mapped and partition_of_name(egress, len(summaries)) == number
        },
        paused=sorted({paused for each in found for paused in each.paused}),
        ahead_seconds=max([0.0, *(each.ahead_seconds for each in found)]),
        partitions=[None if each is None or each.partitions is None else each.partitions[0] for each in summaries],
    )


def _sum(counts: Iterable[Count]) -> Count:
    counts = list(counts)
    runs = [count.run for count in counts if count.run is not None]
    alls = [count.all for count in counts if count.all is not None]
    return Count(sum(runs) if runs else None, sum(alls) if alls else None)


def _counted(each: Iterable[Mapping[str, int]]) -> dict[str, int]:
    counts = Counter[str]()
    for mapping in each:
        counts.update(mapping)
    return dict(counts)
