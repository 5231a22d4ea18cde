"""Writes into the documents what the code knows better: `make docs`.

Owns the generated parts: ``docs/record.schema.json``, and what stands between markers in the README and in docs/; the
record's class is ``docs.record_class``'s. A test holds all of them equal to the code.
"""  # noqa: INP001  (a folder of documents, not a package)

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bytewax.testing import TestingSink, TestingSource
from bytewax.visualize import to_mermaid
from prometheus_client import CollectorRegistry

from connectors.binance.status import FeedStatus
from connectors.decode import Decoder
from connectors.encode import record_schema
from dataflows.counts import Counts
from dataflows.graph import FLOW_ID, build
from dataflows.monitor import Monitor
from dataflows.pipeline import Pipeline
from dataflows.settings import describe_settings
from docs.record_class import RECORD_CLASS_FILE, record_class_text
from obi.feed_monitor import FeedMonitor
from orderbook.presets import MeasureConfig
from orderbook.record import FIELDS, Field

DOCS: Final = Path(__file__).parent
SCHEMA_FILE: Final = DOCS / "record.schema.json"
METRICS_FILE: Final = DOCS / "metrics.md"
OPERATIONS_FILE: Final = DOCS / "operations.md"
README_FILE: Final = DOCS.parent / "README.md"

_KINDS: Final = {"int": "integer", "float": "number", "text": "text", "source": "object"}


def schema_text() -> str:
    """The JSON Schema of the record, as its file holds it."""
    return json.dumps(record_schema(), indent=2) + "\n"


def fields_table() -> str:
    """The record's fields in their order."""
    rows = ["| field | type | unit | range | null when | meaning |", "|---|---|---|---|---|---|"]
    rows += [
        f"| `{field.name}` | {_KINDS[field.kind]} | {field.unit} | {_range(field)} | {field.null_when or 'never'} | {field.doc} |"
        for field in FIELDS
    ]
    return "\n".join(rows)


def settings_table() -> str:
    """All settings with their names in the three places, unit, default and meaning."""
    rows = ["| environment | flag | default | meaning |", "|---|---|---|---|"]
    for info in describe_settings():
        unit = f" ({info.unit})" if info.unit else ""
        default = "" if info.default is None or info.name in {"state_dir", "kafka", "contract_sizes"} else info.default
        shown = "`~/.local/state/obi`" if info.name == "state_dir" else f"`{default}`" if default != "" else ""
        rows.append(f"| `{info.env}` | `{info.flag or '--kafka'}` | {shown} | {info.description}{unit} |")
    return "\n".join(rows)


def endpoint_table() -> str:
    """What the metrics endpoint of the job serves."""
    return _metrics_table(Monitor(Counts()).registry)


def feed_endpoint_table() -> str:
    """What the metrics endpoint of a live feed serves."""
    return _metrics_table(FeedMonitor(FeedStatus(), None).registry)


def _metrics_table(registry: CollectorRegistry) -> str:
    rows = ["| metric | kind | meaning |", "|---|---|---|"]
    for metric in registry.collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        if name.startswith("obi_"):
            rows.append(f"| `{name}` | {metric.type} | {metric.documentation} |")
    return "\n".join(rows)


def graph() -> str:
    """The dataflow as a Mermaid drawing, with the operators' port names left out."""
    pipeline = Pipeline(Decoder(), MeasureConfig(), Counts())
    drawn = to_mermaid(build(TestingSource([]), TestingSink([]), TestingSink([]), pipeline=pipeline))
    drawn = re.sub(r' -- ".*?" --> ', " --> ", drawn.replace(f"{FLOW_ID}.", ""))
    return f"```mermaid\n{drawn.strip()}\n```"


PARTS: Final[Mapping[str, tuple[Path, Callable[[], str]]]] = {
    "fields": (METRICS_FILE, fields_table),
    "settings": (OPERATIONS_FILE, settings_table),
    "endpoint": (OPERATIONS_FILE, endpoint_table),
    "feed endpoint": (OPERATIONS_FILE, feed_endpoint_table),
    "graph": (README_FILE, graph),
}
"""The generated parts by the name in their markers: where they stand and what makes them."""


def with_part(name: str, text: str) -> str:
    """The text with the part of now between its markers.

    Raises:
        ValueError: The markers are not there.
    """
    begin, end = f"<!-- {name}: written by `make docs` -->", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"expected the markers {begin} and {end} in {PARTS[name][0].name}")
    return f"{before}{begin}\n\n{PARTS[name][1]()}\n\n{end}{after}"


def main() -> None:
    """Write everything."""
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    RECORD_CLASS_FILE.write_text(record_class_text(), encoding="utf-8")
    for name, (file, _) in PARTS.items():
        file.write_text(with_part(name, file.read_text(encoding="utf-8")), encoding="utf-8")


def _range(field: Field) -> str:
    low, high = field.minimum, field.maximum
    if low is None or high is None:
        return "" if low is None else f">= {low:g}"
    return f"{low:g}" if low == high else f"{low:g} .. {high:g}"


if __name__ == "__main__":
    main()
