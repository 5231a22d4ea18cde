"""Polls decoded by the compiled kernel, where it was built: the quick path.

Owns what the kernel is told: who the messages of each identity speak of, and so which event they are. Asked once for each
identity of a poll, by the plain path's own rules. Whatever the kernel does not take, or nobody is named by, is left to
``connectors.decode_plain``, which makes the faults.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from types import ModuleType
from typing import Any, TypeAlias

from connectors.decode_group import Poll
from connectors.decode_plain import FUTURES, SPOT, PartialDraft, Rules, bare_kind
from connectors.decoded import BookGroups, Group
from connectors.names import Named, Told
from connectors.numbers import MalformedError
from connectors.raw import RawBatch
from connectors.streams import Kind
from orderbook.events import Diff, Event, Partial, Quote, Trade

Identity: TypeAlias = tuple[tuple[Any, ...], str | None, int]
"""As the kernel tells it: who it speaks of (see ``Told``), field ``e``, and which fields are there."""

Sort: TypeAlias = tuple[str, int, type[Event], str]
"""Instrument, the kernel's layout, class of the events, and the instrument's share of the books in columns."""

Share: TypeAlias = Callable[[str], str]
"""Of an instrument."""


class CompiledDecoder:
    """Decodes what is in the exchange's own spelling.

    Args:
        kernel: ``kernels.polls``.
        rules: Of the decoder.
        books_by: Of the decoder.
    """

    def __init__(self, kernel: ModuleType, rules: Rules, books_by: Share | None) -> None:
        self._kernel = kernel
        self._books_by = books_by
        self._rules = rules
        self._spare: list[Any] = []
        # Snapshots are rare, and books in the normalised form are not the exchange's: both are left to the plain path.
        self._layouts: dict[Kind, tuple[int, type[Event]]] = {
            Kind.PARTIAL: (kernel.BOOK, Partial),
            Kind.DIFF: (kernel.CHANGE, Diff),
            Kind.BOOK_TICKER: (kernel.QUOTE, Quote),
            Kind.TRADE: (kernel.TRADE, Trade),
            Kind.AGG_TRADE: (kernel.AGG_TRADE, Trade),
        }

    def scan(self, raw: RawBatch, poll: Poll) -> tuple[Any, list[int]]:
        """Read a poll and note the slots of what was taken; returns the scan and the indexes of all the rest, rising."""
        rules = self._rules
        # A fresh one would ask for each identity again, and have the system clear megabytes of memory for every poll.
        spare = self._spare.pop() if self._spare else None
        scan = spare or self._kernel.Scan(rules.max_message_bytes, rules.max_levels, self._sort)
        rest: list[int] = scan.read(
            raw.values, raw.keys, raw.headers, raw.partitions, raw.offsets, raw.timestamps_ms, poll.slots
        )
        if rest:  # which is decoded by those who look for slots by name
            poll.groups.update(zip(scan.names, count()))
        return scan, rest

    def build_groups(
        self, scan: Any, raw: RawBatch, poll: Poll, drafts: dict[int, PartialDraft]
    ) -> tuple[list[Group], list[BookGroups]]:
        """The groups, in the order in which their first events arrived; ``drafts`` are the plain path's books.

        Where books may be in columns, the groups that have nothing else are apart, share by share.
        """
        names = list(poll.groups) or scan.names
        lined_up, columns, alone = scan.finish(
            poll.slots, poll.events, drafts, names, self._rules.depth_levels, Partial, self._books_by is not None
        )
        self._spare.append(scan)
        groups = []
        for slot, events, levels in lined_up:
            instrument, partition = names[slot]
            groups.append(Group(instrument, partition, events, levels, raw))
        return groups, [BookGroups(share, columns, numbers, raw) for share, numbers in alone.items()]

    def _sort(self, identity: Identity) -> Sort | None:
        """What the messages of an identity are; None: they are not for this path."""
        told, event, fields = identity
        try:
            named = self._rules.names.resolve(Told(*told))
            if named.kind is None:
                data = {name: event if name == "e" else "" for name in self._kernel.names_of(fields)}
                named = named._replace(kind=bare_kind(data, self._rules.bare_depth))
        except MalformedError:
            return None
        layout = self._layout(named)
        share = "" if self._books_by is None else self._books_by(named.instrument)
        return None if layout is None else (named.instrument, *layout, share)

    def _layout(self, named: Named) -> tuple[int, type[Event]] | None:
        if named.kind is Kind.DIFF:
            if named.venue == SPOT:
                return self._kernel.FREE, Diff
            if named.venue in FUTURES:
                return self._kernel.LINKED, Diff
        return None if named.kind is None else self._layouts.get(named.kind)
