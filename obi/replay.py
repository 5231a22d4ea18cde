"""``obi replay``: the records of a stretch of history again, compared, or written elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from connectors.broker import Broker
from dataflows.replay.ranges import ReplayError, find_ranges
from dataflows.replay.records import Record, Replay, as_batch
from dataflows.replay.starts import Plan, Planner
from dataflows.replay.target import refuse_target, replay_target
from dataflows.replay.verify import verify as verify_replay
from dataflows.settings import Settings, SettingsError, changed
from obi.connecting import connect
from obi.failures import NO
from obi.options import BROKER, DECODING, MEASURING, TOPICS, with_settings
from obi.ranges import RANGE_PANEL, FromOffset, FromTime, Partition, ToOffset, ToTime, option, wanted_range
from obi.screen import conservation, number, progress, stderr

_ANSWER = "What becomes of the records (one of the first three)"
_SHOWN: Final = 10

Write: TypeAlias = Callable[[Plan, list[Record]], None]


Instrument: TypeAlias = Annotated[
    str | None, option(metavar="V:S", panel=RANGE_PANEL, help="Of this one alone, as in binance-usdm:BTCUSDT.")
]
Verify: TypeAlias = Annotated[
    bool,
    option("--verify", panel=_ANSWER, help="Compare with the metrics topic, byte for byte; exit code 1 when unequal."),
]
ToTopic: TypeAlias = Annotated[
    str | None, option(metavar="TOPIC", panel=_ANSWER, help="Write them to a topic, which is made when it is missing.")
]
Out: TypeAlias = Annotated[
    Path | None, option("--out", "-o", metavar="FILE|-", panel=_ANSWER, help="Write them as JSON lines; - is stdout.")
]
Append: TypeAlias = Annotated[
    bool, option("--append", panel=_ANSWER, help="Write behind what is in --to-topic already.")
]
Sets: TypeAlias = Annotated[
    list[str] | None,
    option("--set", metavar="NAME=VALUE", help="A setting for this replay, as in delta_volume_window=200; repeatable."),
]
FromBeginning: TypeAlias = Annotated[
    bool,
    option("--from-beginning", help="Use no checkpoint; where older messages are gone, begin with no memory."),
]


@with_settings(*BROKER, *TOPICS, *MEASURING, *DECODING)
def replay(
    *,
    settings: Settings,
    partition: Partition = None,
    from_offset: FromOffset = None,
    to_offset: ToOffset = None,
    from_time: FromTime = None,
    to_time: ToTime = None,
    instrument: Instrument = None,
    verify: Verify = False,
    to_topic: ToTopic = None,
    out: Out = None,
    append: Append = False,
    sets: Sets = None,
    from_beginning: FromBeginning = False,
) -> None:
    """Compute the records of a stretch of history again, exactly: from the topics alone, with no state directory.

    The state before the stretch comes from the newest checkpoint that the job wrote, else from the beginning.

    \b
    Examples:
      obi replay --partition 0 --from-offset 5000 --to-offset 5999 --verify
      obi replay --from-time 2024-08-08T16:00:00Z --instrument binance-usdm:BTCUSDT -o -
      obi replay --set delta_volume_window=200 --to-topic exp.w200
    """  # noqa: D301  (\b keeps typer from filling the lines)
    problems = _problems(settings, verify, to_topic, out, append=append, instrument=instrument)
    wanted = wanted_range(
        problems,
        partition=partition,
        from_offset=from_offset,
        to_offset=to_offset,
        from_time=from_time,
        to_time=to_time,
    )
    settings = _changed(problems, settings, sets)
    if problems := [*problems, *wanted.problems()]:
        raise SettingsError(problems)
    broker = connect(settings)
    planner = Planner(broker, settings, verify=verify, from_beginning=from_beginning)
    plans = [planner.plan(range_) for range_ in find_ranges(broker, settings.raw_topic, wanted)]
    replays = [Replay(broker, settings, plan, instrument) for plan in plans]
    if verify:
        equal = [_verified(broker, settings, again) for again in replays]
    else:
        with _sink(broker, settings, plans, to_topic, out, append=append) as write:
            equal = [_written(again, write) for again in replays]
    _refuse_unknown(instrument, replays)
    if not all(equal):
        raise typer.Exit(NO)


def _problems(
    settings: Settings, verify: bool, to_topic: str | None, out: Path | None, *, append: bool, instrument: str | None
) -> list[str]:
    """What is wrong with the command line, beside the range."""
    problems = []
    said = [name for name, value in (("--verify", verify), ("--to-topic", to_topic), ("-o", out)) if value]
    if len(said) != 1:
        problems.append(
            f"expected one of --verify, --to-topic TOPIC and -o FILE|-, received {' and '.join(said) or 'none'}"
        )
    if append and to_topic is None:
        problems.append("--append: expected --to-topic with it")
    if instrument is not None and not all(instrument.partition(":")):
        problems.append(f"--instrument: expected venue:symbol as in binance-usdm:BTCUSDT, received {instrument!r}")
    return problems + ([] if to_topic is None else refuse_target(settings, to_topic))


def _changed(problems: list[str], settings: Settings, sets: list[str] | None) -> Settings:
    try:
        return changed(settings, sets or (), (*MEASURING, *DECODING))
    except SettingsError as error:
        problems += error.problems
        return settings


@contextmanager
def _shown(plan: Plan) -> Iterator[Callable[[int], None]]:
    """A bar over the messages of a plan; told offsets."""
    stderr().print(f"replaying {plan}", soft_wrap=True, markup=False)
    begin = plan.start.position
    with progress("replaying", plan.messages) as advance:
        yield lambda offset: advance(offset - begin, f"{number(offset - begin)} of {number(plan.messages)} messages")


def _verified(broker: Broker, settings: Settings, again: Replay) -> bool:
    begun = time.monotonic()
    with _shown(again.plan) as on_progress:
        verdict = verify_replay(broker, settings, again, on_progress)
    for line in verdict.lines():
        print(line)
    stderr().print(f"{time.monotonic() - begun:.1f} s", soft_wrap=True)
    return verdict.equal


@contextmanager
def _sink(
    broker: Broker, settings: Settings, plans: Sequence[Plan], to_topic: str | None, out: Path | None, *, append: bool
) -> Iterator[Write]:
    """Where records are written to."""
    with ExitStack() as stack:
        if to_topic is not None:
            partitions = [plan.range.partition for plan in plans]
            outlet = stack.enter_context(replay_target(broker, settings, to_topic, partitions, append=append))
            yield lambda plan, records: outlet.send(as_batch(plan.range.partition, records))
        else:
            file = sys.stdout.buffer if str(out) == "-" else stack.enter_context(Path(str(out)).open("wb"))
            yield lambda _, records: file.writelines(record.value + b"\n" for record in records)


def _written(again: Replay, write: Write) -> bool:
    begun = time.monotonic()
    written = 0
    with _shown(again.plan) as on_progress:
        for piece in again.pieces(on_progress):
            write(again.plan, piece.records)
            written += len(piece.records)
    counts = again.counts
    line = f"records {number(written)}"
    if again.instrument is None and written == counts.records:
        line = conservation(counts.messages, counts.records, counts.faults, counts.ignored)
    stderr().print(f"{line}, {time.monotonic() - begun:.1f} s", soft_wrap=True)
    return True


def _refuse_unknown(instrument: str | None, replays: Sequence[Replay]) -> None:
    there = sorted({name for again in replays for name in again.instruments})
    if instrument is not None and instrument not in there:
        shown = ", ".join(there[:_SHOWN]) + (f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else "")
        raise ReplayError(
            f"--instrument: expected one that has messages there, received {instrument}; there are {shown or 'none'}"
        )
