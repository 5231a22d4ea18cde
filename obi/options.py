"""The settings as flags: every command names the settings it uses, and their options are made from their description.

Owns the way from ``describe_settings()`` to typer's options. Values stay text until all of them are checked together,
so that one error lists everything that is wrong, whoever said it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import typer

from dataflows.logs import configure_logs
from dataflows.settings import Settings, SettingsError, describe_settings, load_settings
from dataflows.settings_model import SettingInfo
from orderbook.presets import PRESETS

BROKER: Final = ("bootstrap_servers", "broker_timeout_s", "kafka")
TOPICS: Final = ("raw_topic", "metrics_topic", "faults_topic", "checkpoints_topic")
DECODING: Final = ("default_venue", "bare_depth", "max_levels", "max_message_bytes")
MEASURING: Final = (
    "depth_levels",
    "book_levels",
    "delta_volume_window",
    "delta_estimator",
    "large_order_threshold_pct",
    "contract_sizes",
)
FEED: Final = (
    "streams",
    "symbols_file",
    "top",
    "rest_s",
    "audit_interval_s",
    "give_up_after_s",
    "streams_per_connection",
)
LOGGING: Final = ("log_level", "log_format")
JOB: Final = (
    "state_dir",
    "delivery",
    "transaction_interval_ms",
    "epoch_interval_ms",
    "checkpoint_interval",
    "batch_size",
    "metrics_addr",
    "progress_interval_s",
    "from_",
)

_PANELS: Final = {
    "Broker": BROKER,
    "Topics": TOPICS,
    "What is measured": MEASURING,
    "How raw messages are read": DECODING,
    "The feed": FEED,
    "The job": JOB,
    "Logs": LOGGING,
}
_SOURCES: Final = "Where settings come from"


class GlobalOptions:
    """What was said before the command's name; the command's own flags are stronger."""

    config: Path | None = None
    preset: str | None = None
    log_level: str | None = None


def with_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags of the settings ``names`` (and --config, --preset), and hand it ``settings``.

    The command takes ``settings`` as a keyword; all its other parameters are typer's as usual.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        infos = [info for info in describe_settings() if info.name in (*names, *LOGGING)]
        flags = [_parameter(info) for info in infos]
        flags += _source_parameters(presets=bool(set(names) & set(MEASURING)))
        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=_annotated(hints[parameter.name]))
            for parameter in inspect.signature(command).parameters.values()
            if parameter.name != "settings"
        ]

        @wraps(command)
        def wrapper(**given: Any) -> None:
            values = {flag.name: given.pop(flag.name, None) for flag in flags}
            settings = _load(values)
            configure_logs(settings.log_level, settings.log_format)
            command(**given, settings=settings)

        signature = inspect.Signature([*own, *flags])
        wrapper.__doc__ = flowing(command.__doc__ or "")
        del wrapper.__wrapped__  # typer would look through the wrapper, at the command without the flags
        wrapper.__signature__ = signature  # type: ignore[attr-defined]
        wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *flags]}
        return wrapper

    return decorate


def _annotated(hint: Any) -> Any:
    """The hint as it was written: Python 3.10 wraps that of a parameter whose default is None into one more Optional."""
    inner = [part for part in get_args(hint) if get_origin(part) is Annotated] if get_origin(hint) is Union else []
    return inner[0] if inner else hint


def flowing(text: str) -> str:
    """Help whose paragraphs fill the terminal's width, but for those that are marked to keep their lines."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(part if part.startswith("\b") else part.replace("\n", " ") for part in paragraphs)


def _load(values: dict[str, Any]) -> Settings:
    config: Path | None = values.pop("config") or GlobalOptions.config
    preset: str | None = values.pop("preset", None) or GlobalOptions.preset
    pairs: list[str] = values.pop("kafka", None) or []
    problems = [
        f"--kafka {key}: expected key=value with one of librdkafka's keys, received no '='"
        for key, equals, _ in (pair.partition("=") for pair in pairs)
        if not equals
    ]
    values["kafka"] = {key: value for key, _, value in (pair.partition("=") for pair in pairs)} or None
    values["log_level"] = values.get("log_level") or GlobalOptions.log_level
    try:
        settings = load_settings(values, config=config, preset=preset)
    except SettingsError as error:
        raise SettingsError([*problems, *error.problems]) from None
    if problems:
        raise SettingsError(problems)
    return settings


def _parameter(info: SettingInfo) -> inspect.Parameter:
    kind: Any = str | None
    if info.name == "kafka":
        kind = list[str] | None
    option = typer.Option(
        info.flag or "--kafka",
        metavar="KEY=VALUE" if info.name == "kafka" else _metavar(info),
        help=_help(info),
        show_default=False,
        rich_help_panel=next(panel for panel, members in _PANELS.items() if info.name in members),
    )
    return inspect.Parameter(
        info.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option]
    )


def _metavar(info: SettingInfo) -> str:
    if info.choices:
        return "WORD"
    if info.metavar is not None:
        return info.metavar
    return {int: "INTEGER", float: "NUMBER", Path: "FOLDER"}.get(info.kind, "TEXT")


def _help(info: SettingInfo) -> str:
    """What it is, its unit and limits, its default, and its name in the environment."""
    if info.name == "kafka":
        return f"A key of librdkafka, passed on untouched (TLS, SASL); may be repeated ({info.env})."
    about = [info.description]
    if info.kind in {int, float} or info.metavar == "TIME":
        about.append(f"{info.expects} {info.unit or ''}".strip() + ".")
    elif info.choices:
        about.append(f"{info.expects}.")
    default = "" if info.default is None else f"default {info.default}, "
    return f"{' '.join(about)} ({default}{info.env})"


def _source_parameters(*, presets: bool) -> Iterable[inspect.Parameter]:
    config = Annotated[Path | None, config_option()]
    yield inspect.Parameter("config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=config)
    if presets:
        preset = Annotated[str | None, preset_option()]
        yield inspect.Parameter("preset", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=preset)


def config_option() -> Any:
    """The option --config, the same everywhere."""
    return typer.Option(
        "--config", metavar="FILE", help="A TOML file with settings. (default obi.toml, if it is here)",
        show_default=False, rich_help_panel=_SOURCES,
    )  # fmt: skip


def preset_option() -> Any:
    """The option --preset, the same everywhere."""
    sets = "; ".join(f"{name}: {', '.join(f'{k}={v}' for k, v in values.items())}" for name, values in PRESETS.items())
    return typer.Option(
        "--preset", metavar="NAME", help=f"A set of settings to start from. {sets}.",
        show_default=False, rich_help_panel=_SOURCES,
    )  # fmt: skip
