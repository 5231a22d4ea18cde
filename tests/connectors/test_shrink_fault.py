from __future__ import annotations

from connectors.outgoing import Outgoing
from connectors.shrink_fault import shrink_fault

REASON = ("obi.reason", b"oversize")


def test_first_the_value_goes_and_its_size_stays() -> None:
    smaller = shrink_fault(Outgoing(b"k", b"12345", [("recv_ns", b"1"), REASON]))
    assert smaller == Outgoing(b"k", b"", [("recv_ns", b"1"), REASON, ("obi.value_omitted", b"5")])


def test_then_all_but_our_own_headers() -> None:
    assert shrink_fault(Outgoing(b"k", b"", [("recv_ns", b"1"), REASON])) == Outgoing(None, b"", [REASON])
    assert shrink_fault(Outgoing(b"k", None, [REASON])) == Outgoing(None, None, [REASON])


def test_then_there_is_nothing_left_to_leave_out() -> None:
    assert shrink_fault(Outgoing(None, b"", [REASON])) is None
    assert shrink_fault(Outgoing(None, None, None)) is None
