"""The levels of a depth message: prices, quantities and their order.

Owns what a level may be. The order of a book is checked over all the levels that came, before those without quantity
are dropped; a difference has no order and keeps them, since there they mean "remove".
"""

from __future__ import annotations

from typing import Any

from connectors.numbers import MAX_AMOUNT, NUMBER, MalformedError, parse_number, require, show
from orderbook.events import Side


def side_names(data: dict[str, Any]) -> tuple[str, str]:
    """The fields of the two sides: spot and REST spell them out, futures streams do not; seen, never guessed."""
    return ("bids", "asks") if "bids" in data or "asks" in data else ("b", "a")


def read_sides(data: dict[str, Any], max_levels: int, *, ordered: bool) -> tuple[Side, Side]:
    """(bids, asks) of a payload.

    Args:
        data: The payload.
        max_levels: Most levels of one side.
        ordered: True for a book (sorted, best first, each price once; levels without quantity are dropped), False for
            a difference.

    Raises:
        MalformedError: ``missing_field``, ``bad_number``, ``negative_quantity``, ``unsorted_levels``,
            ``too_many_levels``.
    """
    bid_name, ask_name = side_names(data)
    bids, asks = require(data, bid_name), require(data, ask_name)
    _check_list(bids, bid_name, max_levels)
    _check_list(asks, ask_name, max_levels)
    return (
        _read_side(bids, bid_name, -1.0 if ordered else 0.0),
        _read_side(asks, ask_name, 1.0 if ordered else 0.0),
    )


def _check_list(levels: object, name: str, max_levels: int) -> None:
    if type(levels) is not list:
        raise MalformedError("bad_number", f"expected a list of levels at {name}, received {show(levels)}")
    if len(levels) > max_levels:
        raise MalformedError(
            "too_many_levels", f"expected at most {max_levels} levels at {name}, received {len(levels)}"
        )


def _read_side(levels: Any, name: str, direction: float) -> Side:
    """One side; ``direction`` is +1 when prices must rise, -1 when they must fall, 0 for any order."""
    side: Side = []
    previous = None
    for index, level in enumerate(levels):
        price, quantity = _read_level(level, name, index)
        if direction:
            if previous is not None and (price - previous) * direction <= 0.0:
                better = "rising" if direction > 0.0 else "falling"
                raise MalformedError(
                    "unsorted_levels",
                    f"expected {better} prices at {name}[{index}], received {show(level[0])} after {previous!r}",
                )
            previous = price
        if quantity > 0.0 or not direction:
            side.append((price, quantity))
    return side


def _read_level(level: Any, name: str, index: int) -> tuple[float, float]:
    """(price, quantity) of one level; a third element is another year's and ignored."""
    if type(level) is not list:
        raise MalformedError("bad_number", f"expected [price, quantity] at {name}[{index}], received {show(level)}")
    if len(level) < 2:
        raise MalformedError("missing_field", f"expected [price, quantity] at {name}[{index}], received {show(level)}")
    price, quantity = parse_number(level[0]), parse_number(level[1])
    if price is None or price <= 0.0:
        raise MalformedError(
            "bad_number", f"expected {NUMBER} and above 0 at {name}[{index}][0], received {show(level[0])}"
        )
    if quantity is None:
        raise MalformedError("bad_number", f"expected {NUMBER} at {name}[{index}][1], received {show(level[1])}")
    if quantity < 0.0:
        raise MalformedError(
            "negative_quantity", f"expected a quantity of at least 0 at {name}[{index}][1], received {show(level[1])}"
        )
    if price * quantity > MAX_AMOUNT:
        raise MalformedError(
            "bad_number", f"expected price * quantity up to 1e290 at {name}[{index}], received {show(level)}"
        )
    return price, quantity
