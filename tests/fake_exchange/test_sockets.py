"""Connections: who may still be written to, and how much a client may say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from websockets.protocol import State

from fake_exchange.sockets import Socket


def socket(state: State = State.OPEN, *, is_closing: bool = False) -> Socket:
    transport = SimpleNamespace(is_closing=lambda: is_closing, get_write_buffer_size=lambda: 7)
    connection: Any = SimpleNamespace(state=state, transport=transport)
    return Socket(1, connection, frozenset(), combined=True, now_s=0.0)


@pytest.mark.parametrize(
    ("state", "is_closing", "is_open"),
    [(State.OPEN, False, True), (State.OPEN, True, False), (State.CLOSING, False, False), (State.CLOSED, False, False)],
)
def test_only_an_open_connection_takes_frames_and_counts_as_behind(
    state: State, is_closing: bool, is_open: bool
) -> None:
    one = socket(state, is_closing=is_closing)

    assert one.is_open is is_open
    assert one.backlog == (7 if is_open else 0)


def test_a_client_may_say_so_much_in_any_second() -> None:
    one = socket()

    assert [one.may_say(2, at_s) for at_s in (0.0, 0.5, 0.9, 1.55, 2.6)] == [True, True, False, True, True]
