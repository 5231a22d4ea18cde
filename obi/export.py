"""``obi export``: records of the metrics topic into Parquet files, by day and instrument."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dataflows.replay.ranges import find_ranges
from dataflows.settings import Settings, SettingsError
from obi.connecting import connect
from obi.extras import extra
from obi.options import BROKER, with_settings
from obi.ranges import FromOffset, FromTime, Partition, ToOffset, ToTime, wanted_range
from obi.screen import number, progress, stderr

if TYPE_CHECKING:
    from consumers.export.manifest import Manifest

_FILE_OFFSETS: Final = 200_000


@with_settings(*BROKER, "metrics_topic")
def export(
    *,
    settings: Settings,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Made when it is missing.", show_default=False)],
    partition: Partition = None,
    from_offset: FromOffset = None,
    to_offset: ToOffset = None,
    from_time: FromTime = None,
    to_time: ToTime = None,
    file_offsets: Annotated[
        int, typer.Option(min=1, metavar="N", help="Offsets of a partition in one file, at most.")
    ] = _FILE_OFFSETS,
) -> None:
    """Write the records of the metrics topic to Parquet files, one folder a day and instrument.

    Without a range: from the first record there is to the end as it is now. Into a folder that has an export already,
    what is new is added. A run that was killed is gone on with by typing the same again; the files are the same bytes,
    however often that was. _manifest.json tells which offsets are covered.

    \b
    Examples:
      obi export records/
      obi export records/ --to-time 2024-08-09T00:00:00Z
      python -c "import polars; print(polars.read_parquet('records/**/*.parquet'))"
    """  # noqa: D301  (\b keeps typer from filling the lines)
    with extra("export"):
        from consumers.export.export import Export, Stretch  # noqa: PLC0415  (its library is an extra)
    problems: list[str] = []
    wanted = wanted_range(
        problems,
        partition=partition,
        from_offset=from_offset,
        to_offset=to_offset,
        from_time=from_time,
        to_time=to_time,
    )
    if problems := [*problems, *wanted.problems()]:
        raise SettingsError(problems)
    begun = time.monotonic()
    broker = connect(settings)
    stretches = [
        Stretch(found.partition, found.first, None if found.whole_head else found.begin, found.end)
        for found in find_ranges(broker, settings.metrics_topic, wanted)
    ]
    total = sum(stretch.end - stretch.first for stretch in stretches)
    run = Export(broker, settings.metrics_topic, folder, file_offsets)
    with progress("exporting", total) as advance:
        new = run.run(stretches, lambda done: advance(done, f"{number(done)} of {number(total)} offsets"))
    _tell(run.manifest, folder, new, time.monotonic() - begun)


def _tell(manifest: Manifest, folder: Path, new: int, seconds: float) -> None:
    foreign = sum(covered.not_records for covered in manifest.partitions.values())
    stderr().print(
        f"{number(new)} new records; {folder} holds {number(manifest.records)} in {number(len(manifest.files))} files"
        f"{f', {number(foreign)} messages were no records' if foreign else ''}, {seconds:.1f} s",
        soft_wrap=True,
        markup=False,
    )
    for partition, covered in sorted(manifest.partitions.items()):
        print(f"partition {partition}: offsets {covered.begin} .. {covered.end - 1}, records {covered.records}")
