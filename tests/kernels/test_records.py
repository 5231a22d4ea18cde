"""Documents of one form: what fits is copied, what does not is an error, and nothing is kept."""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

from kernels import compiled

records: Any = compiled("records")
if records is None:
    pytest.skip("the kernel was not built", allow_module_level=True)

Slot = tuple[bytes, str, int, tuple[bytes, ...]]

SLOTS: list[Slot] = [
    (b"{name ", "text", 0, ()),
    (b", a ", "number", 0, ()),
    (b", b ", "number", 0, ()),
    (b", c ", "number", 0, ()),
    (b", n ", "integer", 0, ()),
    (b", is ", "choice", 3, (b"first", b"second")),
]
ROW = (7, 0.5, None, 1)
"""An integer, a number, numbers instead of the last two, and a choice."""
COLUMNS = np.array([[1.0, 2.0]])


def form(
    slots: list[Slot] | None = None, sources: tuple[int, ...] = (~1, 0, 1), instead: int = 2, count: int = 2
) -> Any:
    return records.Form(SLOTS if slots is None else slots, b"}", sources, instead, 1, count)


def documents(row: Any, numbers: bytes = b"[0.5,1.0,2.0]", text: Any = b"x") -> list[bytes]:
    made: list[bytes] = form().write([row], [1], [(text,)], numbers)
    return made


def gathered(row: Any, columns: Any = COLUMNS, room: int = 3) -> list[float]:
    out = np.empty(room)
    form().gather([row], columns, out)
    return list(out.tolist())


def test_a_document_is_its_pieces_and_its_values() -> None:
    assert documents(ROW) == [b"{name x, a 0.5, b 1.0, c 2.0, n 7, is second}"]


def test_groups_have_texts_of_their_own() -> None:
    made = form().write(
        [ROW, ROW, ROW], [1, 0, 2], [(b"one",), (b"none",), (b"",)], b"[" + b",".join([b"1"] * 9) + b"]"
    )

    assert [document[:10] for document in made] == [b"{name one,", b"{name , a ", b"{name , a "]


def test_numbers_come_from_columns_and_rows_and_from_what_stands_instead() -> None:
    assert gathered(ROW) == [0.5, 1.0, 2.0]
    assert gathered((7, 3, (8.0, 9.0), 1)) == [3.0, 8.0, 9.0]
    np.testing.assert_array_equal(gathered((7, None, (None, 9.0), 1)), [np.nan, np.nan, 9.0])


def test_columns_may_lie_in_any_order_and_be_for_reading_only() -> None:
    columns = np.asfortranarray(np.arange(8.0).reshape(2, 4))[:, ::2]
    columns.flags.writeable = False
    out = np.empty(6)
    form().gather([ROW, ROW], columns, out)

    assert out.tolist() == [0.5, 0.0, 2.0, 0.5, 4.0, 6.0]


def test_integers_have_all_their_digits() -> None:
    edges = [10**power + offset for power in range(19) for offset in (-1, 0, 1)]
    values = [*range(1000), *edges, 2**31, 2**63 - 1, -1, -(2**63), 2**63, 2**64 - 1, -(2**64), None]
    made = [documents((value, *ROW[1:]))[0].split(b", n ")[1].split(b",")[0] for value in values]

    assert made == [b"null" if value is None else b"%d" % value for value in values]


@pytest.mark.parametrize(("item", "chosen"), [(0, b"first"), (1, b"second"), (None, b"first"), ((), b"second")])
def test_an_item_chooses_by_its_number_or_by_being_there(item: Any, chosen: bytes) -> None:
    [document] = documents((*ROW[:3], item))

    assert document.endswith(chosen + b"}")


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 64, 1000])
def test_pieces_and_texts_may_be_short_and_long(size: int) -> None:
    slots: list[Slot] = [(b"-" * size, kind, place, choices) for _, kind, place, choices in SLOTS]
    [document] = form(slots).write([ROW], [1], [(b"x" * size,)], b"[1,2,3]")
    between = b"-" * size

    assert document == between + b"x" * size + between + between.join([b"1", b"2", b"3", b"7", b"second"]) + b"}"


@pytest.mark.parametrize("size", [1, 24, 31, 32])
def test_numbers_may_be_as_long_as_one_block(size: int) -> None:
    numbers = [b"1" * size, b"2" * size, b"3" * size]

    assert documents(ROW, b"[" + b",".join(numbers) + b"]")[0].startswith(
        b"{name x, a %b, b %b, c %b, n" % tuple(numbers)
    )


WRONG: list[tuple[Callable[[], object], type[Exception]]] = [
    (lambda: documents(ROW[:3]), TypeError),
    (lambda: documents(list(ROW)), TypeError),
    (lambda: documents(None), TypeError),
    (lambda: documents((7.0, *ROW[1:])), TypeError),
    (lambda: documents((True, *ROW[1:])), TypeError),
    (lambda: documents((10**30, *ROW[1:])), OverflowError),
    (lambda: documents((*ROW[:3], 2)), ValueError),
    (lambda: documents((*ROW[:3], -1)), ValueError),
    (lambda: documents((*ROW[:3], 2**70)), OverflowError),
    (lambda: documents(ROW, b""), ValueError),
    (lambda: documents(ROW, b"["), ValueError),
    (lambda: documents(ROW, b"[0.5,1.0]"), ValueError),
    (lambda: documents(ROW, b"[0.5,1.0,2.0,3.0]"), ValueError),
    (lambda: documents(ROW, b"[0.5,1.0," + b"2" * 33 + b"]"), ValueError),
    (lambda: documents(ROW, text="x"), TypeError),
    (lambda: documents(ROW, text=None), TypeError),
    (lambda: documents(ROW, text=bytearray(b"x")), TypeError),
    (lambda: form().write([ROW], [1], [()], b"[1,2,3]"), TypeError),
    (lambda: form().write([ROW], [1], [None], b"[1,2,3]"), TypeError),
    (lambda: form().write([ROW], [1], [], b"[1,2,3]"), ValueError),
    (lambda: form().write([ROW], [1, 1], [(b"x",), (b"x",)], b"[1,2,3]"), ValueError),
    (lambda: form().write([ROW], [0], [(b"x",)], b"[1,2,3]"), ValueError),
    (lambda: form().write([ROW], [-1], [(b"x",)], b"[1,2,3]"), ValueError),
    (lambda: form().write([ROW], [2**70], [(b"x",)], b"[1,2,3]"), OverflowError),
    (lambda: form().write([ROW], ["1"], [(b"x",)], b"[1,2,3]"), TypeError),
    (lambda: form().write(None, [], [], b"[]"), TypeError),
    (lambda: form().write([], None, [], b"[]"), TypeError),
    (lambda: form().write([], [], None, b"[]"), TypeError),
    (lambda: form().write([], [], [], None), TypeError),
    (lambda: gathered(ROW[:3]), TypeError),
    (lambda: gathered((7, "0.5", None, 1)), TypeError),
    (lambda: gathered((7, 10**400, None, 1)), OverflowError),
    (lambda: gathered((7, 0.5, (1.0,), 1)), ValueError),
    (lambda: gathered((7, 0.5, [1.0, 2.0], 1)), ValueError),
    (lambda: gathered((7, 0.5, (1.0, "2"), 1)), TypeError),
    (lambda: gathered(ROW, COLUMNS[:, :1]), ValueError),
    (lambda: gathered(ROW, np.ones((2, 2))), ValueError),
    (lambda: gathered(ROW, COLUMNS, room=2), ValueError),
    (lambda: gathered(ROW, COLUMNS, room=4), ValueError),
    (lambda: gathered(ROW, np.ones((1, 2), np.float32)), ValueError),
    (lambda: form().gather([ROW], None, np.empty(3)), TypeError),
    (lambda: form(sources=(0, 1)), ValueError),
    (lambda: form(sources=()), ValueError),
    (lambda: form(instead=-1), ValueError),
    (lambda: form(count=-1), ValueError),
    (lambda: form(count=3), ValueError),
    (lambda: form([(b"", "text", 8, ())], count=0), ValueError),
    (lambda: form([(b"", "number", -1, ())], (0,), count=0), ValueError),
    (lambda: form([(b"", "float", 0, ())], (0,), count=0), KeyError),
    (lambda: form([cast("Slot", ("", "number", 0, ()))], (0,), count=0), TypeError),
    (lambda: form(SLOTS * 30), ValueError),
]


@pytest.mark.parametrize(("wrong", "error"), WRONG, ids=map(str, range(len(WRONG))))
def test_what_does_not_fit_is_an_error(wrong: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        wrong()


@pytest.mark.slow
def test_nothing_is_kept_of_what_was_written() -> None:
    rows, texts, numbers = [ROW] * 20, [(b"x" * 40,)], b"[" + b",".join([b"0.5"] * 60) + b"]"
    made, out, columns = form(), np.empty(60), np.ones((20, 2))

    def work(times: int) -> int:
        for _ in range(times):
            made.gather(rows, columns, out)
            made.write(rows, [20], texts, numbers)
            with pytest.raises(ValueError, match="fewer"):
                made.write(rows, [20], texts, b"[1,2]")
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = work(1_000)

    assert work(10_000) - before < 2_000
