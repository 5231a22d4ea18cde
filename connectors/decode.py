"""Decoding: one poll of raw messages becomes events per instrument, faults and counts, and nothing gets lost.

Owns the ``Decoder``: the settings of decoding, and the split of the work between the two paths. The truth is in
``connectors.decode_plain``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from connectors.decode_compiled import CompiledDecoder, Share
from connectors.decode_fast import decode_fast
from connectors.decode_group import Poll, build_groups, rows_of
from connectors.decode_plain import PartialDraft, Rules, decode_one
from connectors.decoded import Decoded
from connectors.names import Names
from connectors.numbers import MalformedError
from connectors.raw import RawBatch
from connectors.streams import Kind
from kernels import compiled

_BARE_DEPTH: Final = {None: None, "partial": Kind.PARTIAL, "diff": Kind.DIFF}
_KERNEL: Final = compiled("polls")


class Decoder:
    """Decodes polls. It remembers identities only, to be quick: any split of the input gives the same events.

    Args:
        default_venue: Of messages whose key tells none.
        bare_depth: What a ``depthUpdate`` without a stream name is: "partial", "diff", or None for a fault.
        depth_levels: Levels of a partial book that count, at least 1.
        max_levels: More on one side of a depth message are a fault.
        max_message_bytes: A longer value is a fault.
        books_by: Where it is given, groups of nothing but partial books may come without events, apart by what this says of
            their instruments (``Decoded.books``).
        kernel: ``kernels.polls``; None for the same answers without it.
    """

    def __init__(
        self,
        *,
        default_venue: str = "binance-spot",
        bare_depth: str | None = None,
        depth_levels: int = 20,
        max_levels: int = 20_000,
        max_message_bytes: int = 5_000_000,
        books_by: Share | None = None,
        kernel: ModuleType | None = _KERNEL,
    ) -> None:
        if bare_depth not in _BARE_DEPTH:
            raise ValueError(f'expected bare_depth "partial", "diff" or None, received {bare_depth!r}')
        if min(depth_levels, max_levels, max_message_bytes) < 1:
            raise ValueError(
                "expected depth_levels, max_levels and max_message_bytes of at least 1,"
                f" received {depth_levels}, {max_levels} and {max_message_bytes}"
            )
        self._rules = Rules(
            names=Names(default_venue),
            bare_depth=_BARE_DEPTH[bare_depth],
            depth_levels=depth_levels,
            max_levels=max_levels,
            max_message_bytes=max_message_bytes,
        )
        self._compiled = None
        if kernel is not None:
            self._compiled = CompiledDecoder(kernel, self._rules, books_by)

    def decode(self, raw: RawBatch) -> Decoded:
        """One poll, decoded; see ``Decoded`` for what is conserved."""
        poll = Poll.of(len(raw))
        if self._compiled is None:
            return self._finish(raw, poll, decode_fast(raw, poll, self._rules))
        decoded = Decoded()
        scan, rest = self._compiled.scan(raw, poll)
        drafts = self._decode_one_by_one(raw, poll, rest, decoded)
        decoded.groups, decoded.books = self._compiled.build_groups(scan, raw, poll, drafts)
        return decoded

    def decode_plainly(self, raw: RawBatch) -> Decoded:
        """The same answer without a fast path, slower: what the tests compare ``decode`` with."""
        return self._finish(raw, Poll.of(len(raw)), range(len(raw)))

    def _finish(self, raw: RawBatch, poll: Poll, rest: range | list[int]) -> Decoded:
        """Decode the messages ``rest``, rising, by the book and put all together."""
        decoded = Decoded()
        drafts = self._decode_one_by_one(raw, poll, rest, decoded)
        if drafts:
            poll.rows.append(rows_of(drafts))
        decoded.groups = build_groups(raw, poll)
        return decoded

    def _decode_one_by_one(
        self, raw: RawBatch, poll: Poll, rest: range | list[int], decoded: Decoded
    ) -> dict[int, PartialDraft]:
        """Decode the messages ``rest``, rising, by the book: events into ``poll``, faults into ``decoded``, books come back."""
        drafts: dict[int, PartialDraft] = {}
        for index in rest:
            try:
                instrument, item = decode_one(raw, index, self._rules)
            except MalformedError as error:
                decoded.faults.append(raw.fault(index, error.reason, error.detail))
                continue
            poll.slots[index] = poll.groups.setdefault((instrument, raw.partitions[index]), len(poll.groups))
            if isinstance(item, PartialDraft):
                drafts[index] = item
            else:
                poll.events[index] = item
        return drafts
