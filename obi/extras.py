"""Commands whose libraries are not installed with the rest: what to type when they are missing.

Owns the names of the extras (``pyproject.toml`` says what is in each).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class MissingExtraError(RuntimeError):
    """A command needs libraries that are not installed: exit code 2."""


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import what needs the extra ``name`` while inside.

    Raises:
        MissingExtraError: a library is not there; the message has the lines to type.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"expected the libraries of the extra {name!r}, received: no module {error.name}; install them with\n"
            f"  pip install 'orderbook-imbalance[{name}]'\n"
            f"or in a checkout, with its own environment:  .venv/bin/pip install -e '.[{name}]'"
        ) from None
