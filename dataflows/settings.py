"""Where settings come from, and one error that tells everything that is wrong with them.

Owns the order of the sources (weakest first: defaults, preset, file, environment, flags), the names that are known in
each, and ``SettingsError``. The settings themselves are in ``dataflows.settings_model``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from connectors.broker import wrong_keys
from dataflows.settings_model import OUTSIDE, SettingInfo, Settings, default_state_dir, describe_settings, split_address
from orderbook.presets import PRESETS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = [
    "OUTSIDE",
    "SettingInfo",
    "Settings",
    "SettingsError",
    "changed",
    "describe_settings",
    "load_settings",
    "split_address",
]

DEFAULT_CONFIG: Final = Path("obi.toml")
"""Read when it is there and no other file is named."""

_PREFIX: Final = "OBI_"
_KAFKA_PREFIX: Final = "OBI_KAFKA_"
_OTHERS = re.compile(r"OBI_(BINANCE_(SPOT|USDM|COINM)_(WS|REST)_URL|REQUIRE_[A-Z0-9_]+)")
"""Names in our environment that are not settings: exchange addresses of the feeds, and what tests may not skip."""

_SHOWN_CHARACTERS: Final = 80


class SettingsError(ValueError):
    """Wrong or unknown settings, all of them at once: exit code 2. ``problems`` has one line for each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 setting is wrong" if count == 1 else f"{count} settings are wrong"
        super().__init__("\n  ".join([f"{head}:", *self.problems]))


@dataclass
class _Sources:
    """What was said so far: values by field name, who said them, and what could not be understood."""

    infos: Mapping[str, SettingInfo]
    values: dict[str, Any] = field(default_factory=dict)
    said_by: dict[str, str] = field(default_factory=dict)
    kafka: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def say(self, name: str, value: Any, origin: str) -> None:
        """Take ``value`` for the field ``name``; librdkafka's keys are laid over each other one by one."""
        if name == "kafka" and isinstance(value, Mapping):
            for key, item in value.items():
                self.kafka[key] = item
                self.said_by[f"kafka.{key}"] = f"{origin}, key {key}"
        else:
            self.values[name] = value
            self.said_by[name] = origin

    def unknown(self, name: str, origin: str, known: Iterable[str]) -> None:
        """Note a name that nothing here has, with the nearest one that exists."""
        near = get_close_matches(name, list(known), n=1)
        hint = f"did you mean {near[0]}?" if near else "there is no such setting"
        self.problems.append(f"{name} ({origin}): unknown; {hint}")


def load_settings(
    flags: Mapping[str, object],
    config: Path | None = None,
    preset: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Settings from all sources.

    Args:
        flags: by field name or outside name; None = not given.
        config: the TOML file; None = ``obi.toml`` in the working directory when there is one.
        preset: one of ``orderbook.presets.PRESETS``.
        environ: the environment; an empty variable counts as not set.

    Raises:
        SettingsError: with every wrong or unknown value of all sources.
    """
    sources = _Sources({info.name: info for info in describe_settings()})
    sources.say("state_dir", default_state_dir(environ), "default")
    _from_preset(sources, preset)
    _from_file(sources, config)
    _from_environment(sources, environ)
    _from_flags(sources, flags)
    return _checked(sources)


def _from_preset(sources: _Sources, preset: str | None) -> None:
    if preset is None:
        return
    if preset not in PRESETS:
        sources.problems.append(f"--preset: expected one of {', '.join(PRESETS)}, received {preset!r}")
        return
    for name, value in PRESETS[preset].items():
        sources.say(name, value, f"preset {preset}")


def _from_file(sources: _Sources, config: Path | None) -> None:
    path = config or DEFAULT_CONFIG
    if config is None and not path.is_file():
        return
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        sources.problems.append(f"--config {path}: expected a readable file, received {error.strerror or error}")
        return
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        sources.problems.append(f"{path}: expected TOML, received {error}")
        return
    names = {info.outside: name for name, info in sources.infos.items()}
    for outside, value in table.items():
        if outside in names:
            sources.say(names[outside], value, f"file {path}")
        else:
            sources.unknown(outside, f"file {path}", names)


def _from_environment(sources: _Sources, environ: Mapping[str, str]) -> None:
    names = {info.env: name for name, info in sources.infos.items() if name != "kafka"}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(_PREFIX) or _OTHERS.fullmatch(variable) or not value:
            continue
        if variable.startswith(_KAFKA_PREFIX):
            key = variable.removeprefix(_KAFKA_PREFIX).lower().replace("_", ".")
            sources.say("kafka", {key: value}, f"environment {variable}")
        elif variable in names:
            sources.say(names[variable], value, f"environment {variable}")
        else:
            sources.unknown(variable, "environment", names)


def changed(settings: Settings, pairs: Iterable[str], names: Iterable[str]) -> Settings:
    """The settings with others in their place, each said as ``name=value``; only ``names`` may be.

    Raises:
        SettingsError: with every one that is wrong or unknown.
    """
    sources = _Sources({info.name: info for info in describe_settings()})
    for name in sources.infos:
        sources.say(name, getattr(settings, name), "settings")
    known = tuple(names)
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            sources.problems.append(f"--set {pair}: expected name=value, received no '='")
        elif name in known:
            sources.say(name, value.strip(), "--set")
        else:
            sources.unknown(name, "--set", known)
    return _checked(sources)


def _from_flags(sources: _Sources, flags: Mapping[str, object]) -> None:
    names = {info.outside: name for name, info in sources.infos.items()} | {name: name for name in sources.infos}
    for given, value in flags.items():
        if value is None:
            continue
        if given in names:
            info = sources.infos[names[given]]
            sources.say(info.name, value, f"flag {info.flag or '--kafka'}")
        else:
            sources.unknown(given, "flag", names)


def _checked(sources: _Sources) -> Settings:
    """Validate the values; all problems of names and values in one error."""
    values = {**sources.values, "kafka": sources.kafka} if "kafka" not in sources.values else sources.values
    settings = None
    try:
        settings = Settings(**values)
    except ValidationError as error:
        seen = set()
        for problem in error.errors(include_url=False, include_context=False):
            name = str(problem["loc"][0])
            if name not in seen:
                seen.add(name)
                sources.problems.append(_explain(sources, name, problem["loc"][1:], problem["input"]))
    else:
        sources.problems.extend(_same_topics(sources, settings))
        if settings.book_levels < settings.depth_levels:
            sources.problems.append(
                f"book_levels ({sources.said_by.get('book_levels', 'default')}): expected at least depth_levels"
                f" {settings.depth_levels}, received {settings.book_levels}"
            )
    sources.problems.extend(_wrong_keys(sources, settings))
    if settings is None or sources.problems:
        raise SettingsError(sources.problems)
    return settings


def _wrong_keys(sources: _Sources, settings: Settings | None) -> Iterable[str]:
    """What librdkafka says against its keys, also when other settings are wrong."""
    kafka = {k: v for k, v in sources.kafka.items() if isinstance(v, str)} if settings is None else settings.kafka
    for key, reason in wrong_keys(kafka).items():
        origin = sources.said_by.get(f"kafka.{key}", "all sources together")
        name = f"kafka.{key}".rstrip(".")
        yield f"{name} ({origin}): expected keys and values of librdkafka, received one that {reason}"


def _explain(sources: _Sources, name: str, inside: tuple[int | str, ...], received: object) -> str:
    """One line: what, where from, what was expected, what came. Values of ``kafka`` are never shown."""
    info = sources.infos[name]
    label = ".".join([info.outside, *(str(part) for part in inside)])
    origin = sources.said_by.get(label, sources.said_by.get(name, "default"))
    shown = "something else (not shown)" if name == "kafka" else _shown(received)
    unit = f" ({info.unit})" if info.unit else ""
    return f"{label} ({origin}): expected {info.expects}{unit}, received {shown}"


def _same_topics(sources: _Sources, settings: Settings) -> Iterable[str]:
    """Two of the topics under one name would feed the job its own output."""
    names: dict[str, str] = {}
    for name in ("raw_topic", "metrics_topic", "faults_topic", "checkpoints_topic"):
        topic = getattr(settings, name)
        if topic is None:
            continue
        if topic in names:
            origin = sources.said_by.get(name, "default")
            yield f"{name} ({origin}): expected a topic of its own, received {topic!r}, which is {names[topic]} too"
        names.setdefault(topic, name)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
