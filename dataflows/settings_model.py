"""What a user may set: one frozen, validated object, and what each value means.

Owns the names, defaults, limits and descriptions of all settings. Where values come from (preset, file, environment,
flags) and how wrong ones are reported is in ``dataflows.settings``.

A field is called the same everywhere: ``depth_levels`` in the file, ``OBI_DEPTH_LEVELS`` in the environment,
``--depth-levels`` on the command line. A few field names differ from their outside names, see ``OUTSIDE``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from pydantic import ConfigDict, Field, field_validator

from dataflows.settings_feed import FeedSettings
from dataflows.settings_field import setting
from orderbook.presets import MAX_BOOK_LEVELS, MAX_DELTA_VOLUME_WINDOW, MAX_DEPTH_LEVELS

OUTSIDE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "from_": "from",
        "broker_timeout_s": "broker_timeout",
        "progress_interval_s": "progress_interval",
        "rest_s": "rest",
        "audit_interval_s": "audit_interval",
        "give_up_after_s": "give_up_after",
    }
)
"""Outside names of the fields whose name can't be (``from``) or needn't be (the unit) the same."""

_TOPIC = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}")
_VENUE = re.compile(r"[a-z0-9][a-z0-9._-]*")
_ADDRESS = re.compile(r"(?P<host>[^\s:,\[\]]*|\[[0-9a-fA-F:.]+\]):(?P<port>[0-9]{1,5})")
_MAX_PORT = 65_535


def default_state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """``obi`` in the user's folder for state (XDG Base Directory Specification)."""
    home = environ.get("XDG_STATE_HOME") or environ.get("HOME", "~") + "/.local/state"
    return Path(home).expanduser() / "obi"


_TOPIC_EXPECTED = "1 .. 249 of the characters a-z A-Z 0-9 . _ -"

Topic = Annotated[str, Field(strict=True)]


class Settings(FeedSettings):
    """All settings, checked. Frozen; ``kafka`` may hold secrets and is left out of every repr and dump."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False, hide_input_in_errors=True)

    bootstrap_servers: str = setting(
        "localhost:9092", "Kafka brokers to ask first, separated by commas.", "host:port, separated by commas"
    )
    raw_topic: Topic = setting("depth.raw", "Topic with raw depth messages.", _TOPIC_EXPECTED)
    metrics_topic: Topic = setting("depth.metrics", "Topic for metric records.", _TOPIC_EXPECTED)
    faults_topic: Topic = setting("depth.faults", "Topic for messages that can't be used.", _TOPIC_EXPECTED)
    checkpoints_topic: Topic | None = setting(
        None,
        "Topic for checkpoints of the state, which replays begin with; unset is the metrics topic's name + .checkpoints.",
        _TOPIC_EXPECTED,
    )
    state_dir: Path = setting(
        default_state_dir, "Folder for recovery state, on a local disk; one folder in it for each shard.", "a folder"
    )
    default_venue: str = setting(
        "binance-spot", "Venue of raw messages whose key doesn't name one.", "a lower-case name such as binance-usdm"
    )
    bare_depth: Literal["partial", "diff"] | None = setting(
        None, "What a depthUpdate without a stream name is; unset makes it a fault.", "partial or diff"
    )
    depth_levels: int = setting(
        20,
        "Levels of each side that count, best first.",
        f"1 .. {MAX_DEPTH_LEVELS}",
        "levels",
        ge=1,
        le=MAX_DEPTH_LEVELS,
    )
    book_levels: int = setting(
        5000, "Levels of each side that a full book keeps.", "depth_levels .. 20000", "levels", ge=1, le=MAX_BOOK_LEVELS
    )
    delta_volume_window: int = setting(
        100,
        "Events in the delta window, trades in the trade window.",
        f"1 .. {MAX_DELTA_VOLUME_WINDOW}",
        "events",
        ge=1,
        le=MAX_DELTA_VOLUME_WINDOW,
    )
    delta_estimator: Literal["swept", "price_gap"] = setting(
        "swept", "How delta_volume is estimated from the book.", "swept or price_gap"
    )
    large_order_threshold_pct: float = setting(
        0.01,
        "Share of both sides' volume above which a level is a large order; 0.01 is 1 %.",
        "0 .. 1",
        "share",
        ge=0.0,
        le=1.0,
    )
    contract_sizes: Mapping[str, Annotated[float, Field(gt=0.0, allow_inf_nan=False)]] = setting(
        dict,
        "Contract sizes of COIN-M symbols that differ from 100 (BTCUSD*) and 10, as SYMBOL=SIZE,SYMBOL=SIZE.",
        "SYMBOL=SIZE, separated by commas, sizes above 0",
        "quote currency",
    )
    max_levels: int = setting(
        20_000, "Levels of one side above which a message is a fault.", "1 or more", "levels", ge=1
    )
    max_message_bytes: int = setting(
        5_000_000, "Size above which a message is a fault.", "1 .. 1000000000", "bytes", ge=1, le=1_000_000_000
    )
    delivery: Literal["idempotent", "transactional"] = setting(
        "idempotent",
        "How records are written: each at once, or in short transactions (for readers with read_committed).",
        "idempotent or transactional",
    )
    transaction_interval_ms: int = setting(
        50, "How long a transaction waits for more records.", "1 .. 10000", "ms", ge=1, le=10_000
    )
    epoch_interval_ms: int = setting(1000, "Time between two recovery points.", "10 .. 600000", "ms", ge=10, le=600_000)
    checkpoint_interval: int = setting(
        50_000,
        "Raw messages of a partition between two checkpoints, at least; 0 writes none.",
        "0 .. 1000000000",
        "messages",
        ge=0,
        le=1_000_000_000,
    )
    batch_size: int = setting(2000, "Raw messages read at once, at most.", "1 .. 100000", "messages", ge=1, le=100_000)
    metrics_addr: str | None = setting(
        None, "Address for Prometheus' /metrics, as host:port; unset is off, port 0 any free one.", "host:port"
    )
    broker_timeout_s: float = setting(
        30.0, "How long to wait for the broker at start.", "0 .. 86400", "s", ge=0.0, le=86_400.0
    )
    progress_interval_s: float = setting(
        10.0, "Time between two log lines on the progress; 0 logs none.", "0 .. 86400", "s", ge=0.0, le=86_400.0
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "Least important log line to show.", "debug, info, warning or error"
    )
    log_format: Literal["auto", "console", "json"] = setting(
        "auto", "Form of log lines; auto is console on a terminal and json elsewhere.", "auto, console or json"
    )
    from_: Literal["earliest", "latest"] = setting(
        "earliest", "Where a run without state starts in the raw topic.", "earliest or latest"
    )
    kafka: Mapping[str, str] = setting(
        dict,
        "Keys of librdkafka, passed on untouched: [kafka] in the file, OBI_KAFKA_<KEY> in the environment.",
        "text for each key",
        repr=False,
        exclude=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_booleans(cls, value: object) -> object:
        """Pydantic would take true for 1."""
        if isinstance(value, bool):
            raise ValueError("a truth value")  # noqa: TRY004 (pydantic collects ValueErrors)
        return value

    @field_validator("raw_topic", "metrics_topic", "faults_topic", "checkpoints_topic")
    @classmethod
    def _legal_topic(cls, value: str | None) -> str | None:
        return None if value is None else _matching(_TOPIC, value)

    @field_validator("default_venue")
    @classmethod
    def _legal_venue(cls, value: str) -> str:
        return _matching(_VENUE, value)

    @field_validator("bootstrap_servers")
    @classmethod
    def _legal_servers(cls, value: str) -> str:
        servers = [server.strip() for server in value.split(",")]
        for server in servers:
            host, _ = split_address(server if ":" in server else f"{server}:9092")
            if not host:
                raise ValueError("no host")
        return ",".join(servers)

    @field_validator("metrics_addr")
    @classmethod
    def _legal_address(cls, value: str | None) -> str | None:
        if not value:
            return None
        split_address(value)
        return value

    @field_validator("state_dir")
    @classmethod
    def _expand_home(cls, value: Path) -> Path:
        return value.expanduser()

    @field_validator("contract_sizes", mode="before")
    @classmethod
    def _sizes_from_text(cls, value: object) -> object:
        """``SYMBOL=SIZE,SYMBOL=SIZE`` of the environment and the command line; the file has a table."""
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        return {symbol.strip(): size for symbol, _, size in pairs}

    @field_validator("kafka", mode="before")
    @classmethod
    def _kafka_as_text(cls, value: object) -> object:
        """TOML has numbers and truth values, librdkafka takes text."""
        if not isinstance(value, Mapping):
            return value
        return {str(k): str(v).lower() if isinstance(v, bool) else _plain_text(v) for k, v in value.items()}


@dataclass(frozen=True)
class SettingInfo:
    """One setting as ``--help`` and the documentation show it.

    ``name`` is the field's, ``outside`` the one in files; ``choices`` is empty where values are not a list of words;
    ``flag`` is None where the command line has none; ``expects`` completes "expected ..."; ``metavar`` stands for the value.
    """

    name: str
    outside: str
    flag: str | None
    env: str
    kind: type
    default: object
    choices: tuple[str, ...]
    unit: str | None
    expects: str
    description: str
    metavar: str | None = None


def describe_settings() -> Iterator[SettingInfo]:
    """All settings in their order, those of live feeds last, for the command line and the documentation."""
    fields = sorted(Settings.model_fields.items(), key=lambda item: item[0] in FeedSettings.model_fields)
    for name, field in fields:
        outside = OUTSIDE.get(name, name)
        extra: Any = field.json_schema_extra
        yield SettingInfo(
            name=name,
            outside=outside,
            flag=None if name == "kafka" else "--" + outside.replace("_", "-"),
            env="OBI_KAFKA_<KEY>" if name == "kafka" else "OBI_" + outside.upper(),
            kind=_kind(field.annotation),
            default=None if field.default_factory else field.default,
            choices=_choices(field.annotation),
            unit=extra["unit"],
            expects=extra["expects"],
            description=field.description or "",
            metavar=extra["metavar"],
        )


def split_address(value: str) -> tuple[str, int]:
    """``host:port`` as a pair (the host may be empty: all interfaces); ValueError otherwise."""
    match = _ADDRESS.fullmatch(value.strip())
    if match is None or int(match["port"]) > _MAX_PORT:
        raise ValueError("not host:port")
    return match["host"].strip("[]"), int(match["port"])


def is_legal_topic(name: str) -> bool:
    """Whether Kafka takes this as a topic's name."""
    return _TOPIC.fullmatch(name) is not None


def _matching(pattern: re.Pattern[str], value: str) -> str:
    if pattern.fullmatch(value) is None:
        raise ValueError("not a legal name")
    return value


def _plain_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) else value


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return tuple(get_args(annotation))
    return tuple(choice for part in get_args(annotation) if get_origin(part) is Literal for choice in get_args(part))


def _kind(annotation: object) -> type:
    kinds: tuple[type, ...] = (int, float, Path)
    return next((kind for kind in kinds if annotation is kind), str)
