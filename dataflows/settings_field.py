"""What every setting has besides its type: what ``--help``, the documentation and error messages say about it.

Owns how a setting is declared, and how times are written.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, Field

_TIME: Final = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?P<unit>ms|s|m|h|d|)", re.ASCII)
_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def setting(
    default: Any, description: str, expects: str, unit: str | None = None, *, metavar: str | None = None, **limits: Any
) -> Any:
    """A field with what ``--help`` and error messages say about it.

    Args:
        default: or what makes it.
        description: a sentence.
        expects: completes "expected ...".
        unit: of the value.
        metavar: what stands for the value in ``--help``; unset: what its type says.
        limits: as pydantic's ``Field`` takes them.
    """
    extra: dict[str, Any] = {"expects": expects, "unit": unit, "metavar": metavar}
    if callable(default):
        return Field(default_factory=default, description=description, json_schema_extra=extra, **limits)
    return Field(default, description=description, json_schema_extra=extra, **limits)


def seconds(value: object) -> object:
    """A time such as ``500ms``, ``1s``, ``10m`` or ``1h`` in seconds; a bare number is in seconds. Others are left as they are.

    >>> [seconds(text) for text in ("500ms", "1s", "10m", "1.5h", "7", 7)]
    [0.5, 1.0, 600.0, 5400.0, 7.0, 7]
    """
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    return value if match is None else float(match["number"]) * _UNITS_S[match["unit"]]


Seconds: TypeAlias = Annotated[float, BeforeValidator(seconds)]
"""A setting's time, in seconds; text may have a unit."""
