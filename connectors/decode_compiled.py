"""Polls decoded by the compiled kernel, where it was built: the quick path.

Owns what the kernel is told: who the messages of each identity speak of, and so which event they are. Asked once for each
identity of a poll, by the plain path's own rules. Whatever the kernel does not take, or nobody is named by, is left to
``connectors.decode_plain``, which makes the faults.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

from connectors.decode_group import Poll
from connectors.decode_plain import FUTURES, SPOT, PartialDraft, Rules, bare_kind
from connectors.decoded import Group
from connectors.names import Named, Told
from connectors.numbers import MalformedError
from connectors.raw import RawBatch
from connectors.streams import Kind
from orderbook.events import Diff, Event, Partial, Quote, Trade

Plan: TypeAlias = tuple[int, int, type[Event]]
"""Slot, the kernel's layout, class of the events."""


class _Layouts(NamedTuple):
    """The layout of each kind; of differences by how their venue links them."""

    by_kind: dict[Kind, tuple[int, type[Event]]]
    free: tuple[int, type[Event]]
    linked: tuple[int, type[Event]]


class CompiledDecoder:
    """Decodes what is in the exchange's own spelling.

    Args:
        kernel: ``kernels.polls``.
        rules: Of the decoder.
    """

    def __init__(self, kernel: ModuleType, rules: Rules) -> None:
        self._kernel = kernel
        self._rules = rules
        # Snapshots are rare, and books in the normalised form are not the exchange's: both are left to the plain path.
        self._layouts = _Layouts(
            {
                Kind.PARTIAL: (kernel.BOOK, Partial),
                Kind.DIFF: (kernel.CHANGE, Diff),
                Kind.BOOK_TICKER: (kernel.QUOTE, Quote),
                Kind.TRADE: (kernel.TRADE, Trade),
                Kind.AGG_TRADE: (kernel.AGG_TRADE, Trade),
            },
            free=(kernel.FREE, Diff),
            linked=(kernel.LINKED, Diff),
        )

    def scan(self, raw: RawBatch, poll: Poll) -> tuple[Any, list[int]]:
        """Read a poll and note the slots of what was taken; returns the scan and the indexes of all the rest, rising."""
        scan = self._kernel.Scan(
            raw.values,
            raw.keys,
            raw.headers,
            raw.partitions,
            raw.offsets,
            raw.timestamps_ms,
            self._rules.max_message_bytes,
            self._rules.max_levels,
        )
        plans = [self._plan(poll, *identity) for identity in scan.identities]
        return scan, scan.settle(plans, poll.slots)

    def build_groups(self, scan: Any, raw: RawBatch, poll: Poll, drafts: dict[int, PartialDraft]) -> list[Group]:
        """The groups, in the order in which their first events arrived; ``drafts`` are the plain path's books."""
        names = list(poll.groups)
        events, order, starts, block = scan.finish(
            poll.slots, poll.events, drafts, len(names), self._rules.depth_levels, Partial
        )
        groups = []
        for slot in order:
            instrument, partition = names[slot]
            groups.append(Group(instrument, partition, events[slot], block[starts[slot] : starts[slot + 1]], raw))
        return groups

    def _plan(self, poll: Poll, told: tuple[Any, ...], partition: int, event: str | None, fields: int) -> Plan | None:
        """What becomes of the messages of an identity; None: they are not for this path."""
        named = self._rules.names.known.get(told)
        if named is None or named.kind is None:
            named = self._resolve(told, event, fields)
        layout = self._layout(named)
        if named is None or layout is None:
            return None
        return poll.groups.setdefault((named.instrument, partition), len(poll.groups)), *layout

    def _resolve(self, told: tuple[Any, ...], event: str | None, fields: int) -> Named | None:
        """An identity by the book, with its kind; None for what will be a fault."""
        try:
            named = self._rules.names.resolve(Told(*told))
            if named.kind is None:
                data = {name: event if name == "e" else "" for name in self._kernel.names_of(fields)}
                named = named._replace(kind=bare_kind(data, self._rules.bare_depth))
        except MalformedError:
            return None
        return named

    def _layout(self, named: Named | None) -> tuple[int, type[Event]] | None:
        if named is None or named.kind is None:
            return None
        if named.kind is Kind.DIFF:
            if named.venue == SPOT:
                return self._layouts.free
            if named.venue in FUTURES:
                return self._layouts.linked
        return self._layouts.by_kind.get(named.kind)
