"""Documents of one form: what fits is copied, what does not is an error, and nothing is kept."""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest

from kernels import compiled
from orderbook.metrics import COLUMNS
from orderbook.rows import Row

records: Any = compiled("records")
cells: Any = compiled("cells")
if records is None or cells is None:
    pytest.skip("the kernels were not built", allow_module_level=True)

Slot = tuple[bytes, str, int, tuple[bytes, ...]]
Lists = tuple[list[Any], list[Any], list[Any]]

OFFSET, TIME, UPDATE_ID, DELTA, STATE, NEAR = map(
    Row._fields.index, ("offset", "timestamp_ms", "update_id", "delta_volume", "state", "near")
)
SLOTS: list[Slot] = [
    (b"{name ", "text", 0, ()),
    (b", a ", "number", 0, ()),
    (b", b ", "number", 0, ()),
    (b", c ", "number", 0, ()),
    (b", n ", "integer", UPDATE_ID, ()),
    (b", is ", "choice", STATE, (b"first", b"second")),
]
SOURCES = (~DELTA, 0, 1)
ROW = Row(*[None] * 21)._replace(timestamp_ms=5, update_id=7, delta_volume=0.5, state=1)  # type: ignore[arg-type]
NUMBERS = b"[0.5,1.0,2.0]"


def show(numbers: Any) -> bytes:
    return orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)


def form(slots: Any = SLOTS, sources: Any = SOURCES, *, time: Any = TIME, room: Any = 3, shown: Any = None) -> Any:
    """A form that makes text of one row at once, if no other room is asked for; ``shown``: instead of the numbers."""
    told = show if shown is None else shown if callable(shown) else lambda _: shown
    return records.Form(slots, b"}", sources, time, np.empty(room) if isinstance(room, int) else room, told)


def of(*rows: Row) -> Any:
    columns = np.zeros((len(rows), len(COLUMNS)))
    columns[:, 0], columns[:, 1] = 1.0, 2.0
    return cells.Rows.of(list(rows), columns)


def written(made: Any, rows: Any, counts: Any = (1,), texts: Any = ((b"x", b"key"),), first: Any = 0) -> Lists:
    """All in one place."""
    into: Lists = [], [], []
    made.write(rows, first, list(counts), list(texts), [into] * len(counts))
    return into


def documents(row: Row, shown: Any = None, text: Any = b"x") -> list[bytes]:
    return written(form(shown=shown), of(row), texts=[(text, b"key")])[1]


def test_a_document_is_its_pieces_and_its_values() -> None:
    assert documents(ROW) == [b"{name x, a 0.5, b 1.0, c 2.0, n 7, is second}"]


def test_groups_have_texts_keys_and_places_of_their_own() -> None:
    one: Lists = [], [], []
    other: Lists = [b"before"], [b""], [0]
    rows = of(ROW, ROW._replace(timestamp_ms=-(2**63) + 1), ROW._replace(timestamp_ms=6), ROW._replace(timestamp_ms=-7))
    texts = [(b"one", b"1"), (b"none", b"0"), (b"", b""), (b"one", b"1")]
    form().write(rows, 0, [1, 0, 2, 1], texts, [one, one, other, one])

    assert [document[:10] for document in one[1]] == [b"{name one,", b"{name one,"]
    assert [document[:10] for document in other[1]] == [b"", b"{name , a ", b"{name , a "]
    assert (one[0], other[0]) == ([b"1", b"1"], [b"before", b"", b""])
    assert (one[2], other[2]) == ([5, -7], [0, -(2**63) + 1, 6])


def test_the_rows_from_one_on_can_be_written_alone() -> None:
    rows = of(*(ROW._replace(update_id=number) for number in range(5)))
    [_, made, _] = written(form(), rows, [2, 1], [(b"x", b""), (b"y", b"")], first=1)

    assert [document.split(b", n ")[1][:1] for document in made] == [b"1", b"2", b"3"]
    assert written(form(), rows, [0], first=5) == ([], [], [])


@pytest.mark.parametrize("room", [3, 5, 6, 9, 30, 300])
def test_numbers_may_become_text_as_many_at_once_as_one_likes(room: int) -> None:
    seen = []

    def noted(numbers: Any) -> bytes:
        seen.append(len(numbers))
        return show(numbers)

    rows = of(*(ROW._replace(delta_volume=number / 4) for number in range(10)))
    [_, made, _] = written(form(room=room, shown=noted), rows, [3, 7], [(b"x", b"")] * 2)

    assert [document.split(b", ")[1] for document in made] == [
        b"a %.2f" % (n / 4) if n % 2 else b"a %.1f" % (n / 4) for n in range(10)
    ]
    assert (sum(seen), max(seen)) == (30, min(30, room - room % 3))


def test_numbers_come_from_columns_and_rows_and_nothing_is_nan() -> None:
    seen: list[float] = []

    def noted(numbers: Any) -> bytes:
        seen.extend(numbers.tolist())
        return show(numbers)

    written(form(shown=noted, sources=(~DELTA, 1, 0)), of(ROW, ROW._replace(delta_volume=None)), [2])
    np.testing.assert_array_equal(seen, [0.5, 2.0, 1.0, np.nan, 2.0, 1.0])


def test_integers_have_all_their_digits() -> None:
    edges = [10**power + offset for power in range(19) for offset in (-1, 0, 1)]
    values = [*range(1000), *edges, 2**31, 2**63 - 1, -1, -(2**63) + 1, None]
    values += [-value for value in edges]
    made = [documents(ROW._replace(update_id=value))[0].split(b", n ")[1].split(b",")[0] for value in values]

    assert made == [b"null" if value is None else b"%d" % value for value in values]


@pytest.mark.parametrize(("state", "chosen"), [(0, b"first"), (1, b"second"), (None, b"first")])
def test_an_item_chooses_by_its_number(state: Any, chosen: bytes) -> None:
    [document] = documents(ROW._replace(state=state))

    assert document.endswith(chosen + b"}")


@pytest.mark.parametrize(("near", "chosen"), [(None, b"first"), ((1.0,) * 6, b"second")])
def test_an_item_chooses_by_being_there(near: Any, chosen: bytes) -> None:
    slots = [*SLOTS[:-1], (b", is ", "choice", NEAR, (b"first", b"second"))]
    [document] = written(form(slots), of(ROW._replace(near=near)))[1]

    assert document.endswith(chosen + b"}")


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 64, 1000])
def test_pieces_and_texts_may_be_short_and_long(size: int) -> None:
    slots: list[Slot] = [
        (b"-" * size, kind, place, tuple(b"c" * size for _ in choices)) for _, kind, place, choices in SLOTS
    ]
    [document] = written(form(slots, shown=b"[1,2,3]"), of(ROW), texts=[(b"x" * size, b"")])[1]
    between = b"-" * size

    assert document == between + b"x" * size + between + between.join([b"1", b"2", b"3", b"7", b"c" * size]) + b"}"


def test_a_long_text_after_a_short_one_has_its_room() -> None:
    texts = [(b"x" * size, b"") for size in (1, 10_000, 5, 20_000)]
    [_, made, _] = written(form(), of(*[ROW] * 4), [1] * 4, texts)

    assert [len(document) - len(documents(ROW)[0]) + 1 for document in made] == [1, 10_000, 5, 20_000]


@pytest.mark.parametrize("size", [1, 8, 15, 16, 17, 24, 31, 32])
def test_numbers_may_be_as_long_as_one_block(size: int) -> None:
    numbers = [b"1" * size, b"2" * size, b"3" * size]

    assert documents(ROW, b"[" + b",".join(numbers) + b"]")[0].startswith(
        b"{name x, a %b, b %b, c %b, n" % tuple(numbers)
    )


WRONG: list[tuple[Callable[[], object], type[Exception]]] = [
    (lambda: documents(ROW._replace(state=2)), ValueError),
    (lambda: documents(ROW._replace(state=-1)), ValueError),
    (lambda: documents(ROW._replace(state=2**62)), ValueError),
    (lambda: documents(ROW, b""), ValueError),
    (lambda: documents(ROW, b"["), ValueError),
    (lambda: documents(ROW, b"[]"), ValueError),
    (lambda: documents(ROW, b"[0.5,1.0]"), ValueError),
    (lambda: documents(ROW, b"[0.5,1.0,2.0,3.0]"), ValueError),
    (lambda: documents(ROW, b"[0.5,1.0," + b"2" * 33 + b"]"), ValueError),
    (lambda: documents(ROW, b"[" + b"2" * 33 + b",0.5,1.0]"), ValueError),
    (lambda: documents(ROW, b"[" + b"2" * 100), ValueError),
    (lambda: documents(ROW, "[0.5,1.0,2.0]"), TypeError),
    (lambda: documents(ROW, bytearray(NUMBERS)), TypeError),
    (lambda: documents(ROW, lambda _: None), TypeError),
    (lambda: documents(ROW, lambda _: 1 / 0), ZeroDivisionError),
    (lambda: documents(ROW, text="x"), TypeError),
    (lambda: documents(ROW, text=None), TypeError),
    (lambda: documents(ROW, text=bytearray(b"x")), TypeError),
    (lambda: written(form(), of(ROW), texts=[()]), TypeError),
    (lambda: written(form(), of(ROW), texts=[(b"x",)]), TypeError),
    (lambda: written(form(), of(ROW), texts=[(b"x", "key")]), TypeError),
    (lambda: written(form(), of(ROW), texts=[None]), TypeError),
    (lambda: written(form(), of(ROW), texts=[]), ValueError),
    (lambda: written(form(), of(ROW), [1, 1], [(b"x", b"")] * 2), ValueError),
    (lambda: written(form(), of(ROW), [2**63 - 1, 2**63 - 1], [(b"x", b"")] * 2), ValueError),
    (lambda: written(form(), of(ROW), [-1]), ValueError),
    (lambda: written(form(), of(ROW), [2**70]), OverflowError),
    (lambda: written(form(), of(ROW), ["1"]), TypeError),
    (lambda: written(form(), of(ROW), first=-1), ValueError),
    (lambda: written(form(), of(ROW), first=1), ValueError),
    (lambda: written(form(), of(ROW), [0], first=2), ValueError),
    (lambda: written(form(), [ROW]), TypeError),
    (lambda: written(form(), None), TypeError),
    (lambda: form().write(of(ROW), 0, [1], [(b"x", b"")], []), ValueError),
    (lambda: form().write(of(ROW), 0, [1], [(b"x", b"")], [([], [])]), ValueError),
    (lambda: form().write(of(ROW), 0, [1], [(b"x", b"")], [([], [], None)]), TypeError),
    (lambda: form().write(of(ROW), 0, [1], [(b"x", b"")], [([], [], ())]), TypeError),
    (lambda: form().write(of(ROW), 0, [1], [(b"x", b"")], [None]), TypeError),
    (lambda: form().write(of(), 0, None, [], []), TypeError),
    (lambda: form().write(of(), 0, [], None, []), TypeError),
    (lambda: form().write(of(), 0, [], [], None), TypeError),
    (lambda: form(sources=(0, 1)), ValueError),
    (lambda: form(sources=()), ValueError),
    (lambda: form(sources=(0, 1, len(COLUMNS))), ValueError),
    (lambda: form(sources=(0, 1, ~OFFSET)), ValueError),
    (lambda: form(sources=(0, 1, ~21)), ValueError),
    (lambda: form(time=21), ValueError),
    (lambda: form(time=-1), ValueError),
    (lambda: form(time=DELTA), ValueError),
    (lambda: form(room=2), ValueError),
    (lambda: form(room=np.empty(3, np.float32)), ValueError),
    (lambda: form(room=np.empty((3, 3))), ValueError),
    (lambda: form(room=np.empty(6)[::2]), ValueError),
    (lambda: form([(b"", "text", 8, ()), (b"", "number", 0, ())], (0,)), ValueError),
    (lambda: form([(b"", "text", -1, ()), (b"", "number", 0, ())], (0,)), ValueError),
    (lambda: form([(b"", "integer", DELTA, ()), (b"", "number", 0, ())], (0,)), ValueError),
    (lambda: form([(b"", "integer", NEAR, ()), (b"", "number", 0, ())], (0,)), ValueError),
    (lambda: form([(b"", "integer", 21, ()), (b"", "number", 0, ())], (0,)), ValueError),
    (lambda: form([(b"", "choice", DELTA, (b"",)), (b"", "number", 0, ())], (0,)), ValueError),
    (lambda: form([(b"", "choice", STATE, (b"",) * 200), (b"", "number", 0, ())], (0,)), ValueError),
    (lambda: form([(b"", "choice", STATE, ("",)), (b"", "number", 0, ())], (0,)), TypeError),
    (lambda: form([(b"", "float", 0, ()), (b"", "number", 0, ())], (0,)), KeyError),
    (lambda: form([("", "number", 0, ())], (0,)), TypeError),
    (lambda: form([(None, "number", 0, ())], (0,)), TypeError),
    (lambda: form(SLOTS * 30), ValueError),
]


@pytest.mark.parametrize(("wrong", "error"), WRONG, ids=map(str, range(len(WRONG))))
def test_what_does_not_fit_is_an_error(wrong: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        wrong()


@pytest.mark.slow
def test_nothing_is_kept_of_what_was_written() -> None:
    rows, made, broken = of(*[ROW] * 20), form(room=21), form(shown=b"[1,2]")
    texts = [(b"x" * 40, b"key")]

    def work(times: int) -> int:
        for _ in range(times):
            written(made, rows, [20], texts)
            with pytest.raises(ValueError, match="fewer"):
                written(broken, rows, [20], texts)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = work(1_000)

    assert work(10_000) - before < 2_000
