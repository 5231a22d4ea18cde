"""A lane that is remembered where an instrument's messages come from is the one that its bucket would have named."""

from __future__ import annotations

import pickle
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.decode import Decoder
from connectors.decoded import BookGroups, Lot
from connectors.raw import Fault, RawBatch
from dataflows.buckets import Buckets, bucket_of
from dataflows.counts import Counts
from dataflows.memories import Bucket
from dataflows.pipeline import AnyMeasured, Pipeline
from dataflows.shelf import Shelf
from kernels import compiled
from orderbook import MeasureConfig
from orderbook.meters import KERNEL

pytestmark = pytest.mark.skipif(
    KERNEL is None or compiled("polls") is None, reason="the kernels `meters` and `polls` were not compiled"
)

SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")
BOOK = (
    b'{"stream":"%b@depth20@100ms","data":{"e":"depthUpdate","E":%d,"T":%d,"s":"%b","U":1,"u":%d,"pu":0,'
    b'"b":[["%d.5","1.5"],["90.25","2"]],"a":[["%d.5","3"]]}}'
)
TRADE = (
    b'{"stream":"%b@trade","data":{"e":"trade","E":%d,"T":%d,"s":"%b","t":%d,"p":"%d","q":"%d","m":true,"X":"MARKET"}}'
)
KINDS = {"book": BOOK, "book in another spelling": BOOK.replace(b'"data":', b' "data": '), "trade": TRADE}

Message = tuple[str, str, bool, int]
"""Symbol, kind, whether the key names the instrument, partition."""

books: st.SearchStrategy[Message] = st.tuples(
    st.sampled_from(SYMBOLS), st.just("book"), st.booleans(), st.sampled_from([0, 0, 0, 1])
)
others: st.SearchStrategy[Message] = st.tuples(
    st.sampled_from(SYMBOLS), st.sampled_from(sorted(KINDS)), st.booleans(), st.sampled_from([0, 1])
)
polls = st.tuples(
    st.lists(st.one_of(books, books, books, others), max_size=8),
    st.sampled_from(["t", "t", "t", "u"]),  # topic
    st.integers(0, 1),  # job
    st.sampled_from(["here", "here", "here", "travel", "restart"]),
)


class Job:
    """The keyed step of one worker."""

    def __init__(self, decoder: Decoder) -> None:
        self.pipeline = Pipeline(decoder, MeasureConfig(), Counts())
        self.buckets: dict[str, Bucket] = {}
        self.records: dict[tuple[int, bytes | None], list[bytes | None]] = defaultdict(list)
        self.faults: list[Any] = []
        self.in_columns = 0

    def take(self, raw: RawBatch, how: str) -> None:
        if how == "restart":
            self.buckets = {key: Bucket(self.pipeline, Shelf(), bucket.state()) for key, bucket in self.buckets.items()}
        decoded = [item for item in self.pipeline.decode([raw]) if not isinstance(item, Fault)]
        self.in_columns += sum(isinstance(item, BookGroups) for item in decoded)
        out: list[AnyMeasured] = []
        for key, lot in Buckets().lots(decoded):
            if key not in self.buckets:
                self.buckets[key] = Bucket(self.pipeline, Shelf())
            came: Lot = pickle.loads(pickle.dumps(lot)) if how == "travel" else lot
            for item in self.buckets[key].measure(came):
                if isinstance(item, Fault):
                    self.faults.append((item.reason, item.offset, item.partition))
                else:
                    out.append(item)
        for _, batch in self.pipeline.encode(out):
            for name, value in zip(batch.keys, batch.values, strict=True):
                self.records[batch.partition, name].append(value)

    def told(self) -> Any:
        states = {key: bucket.state() for key, bucket in self.buckets.items()}
        return dict(self.records), sorted(self.faults), states, self.pipeline.counts.ignored


def raw_of(messages: list[Message], topic: str, first: int) -> RawBatch:
    """A poll; ``first`` is the number of its first message among all, of which ids, times and prices are made."""
    raw = RawBatch(topic)
    for number, (symbol, kind, named, partition) in enumerate(messages, first):
        ms, bid = 1_700_000_000_000 + 100 * number, 95 + number * 7 % 11
        numbers = ms, ms, symbol.encode(), 100 + number, bid, bid + 1 + number % 3
        raw.append(
            KINDS[kind] % (symbol.lower().encode(), *numbers),
            key=f"binance-usdm:{symbol}".encode() if named else None,
            partition=partition,
            offset=number,
            timestamp_ms=ms,
        )
    return raw


def both(script: list[tuple[list[Message], str, int, str]]) -> tuple[list[Job], list[Job]]:
    """Two jobs that share a decoder, which remembers, and two whose decoder has nothing to remember."""
    remembering = Decoder(default_venue="binance-usdm", books_by=bucket_of)
    asking = Decoder(default_venue="binance-usdm", kernel=None)
    ours, theirs = [Job(remembering), Job(remembering)], [Job(asking), Job(asking)]
    first = 0
    settled: list[Message] = [(symbol, "book", True, 0) for symbol in SYMBOLS]  # all live on partition 0 from then on
    for messages, topic, job, how in [(settled, "t", job, "here") for job in (0, 1)] + script:
        raw = raw_of(messages, topic, first)
        first += len(messages)
        ours[job].take(raw, how)
        theirs[job].take(raw, how)
    return ours, theirs


A, B = ("AUSDT", "book", True, 0), ("BUSDT", "book", True, 0)
A_OTHERWISE, A_ELSEWHERE = ("AUSDT", "book", False, 0), ("AUSDT", "book", True, 1)
A_ODD, A_TRADED = ("AUSDT", "book in another spelling", True, 0), ("AUSDT", "trade", True, 0)


@settings(max_examples=200)
@given(st.lists(polls, max_size=10))
@example([([A, A_OTHERWISE, A], "t", 0, "here")] * 3)
@example([([A, B], "t", 0, "here")] * 2 + [([A_ELSEWHERE, B, A], "t", 0, "here")] * 2)
@example([([A, B], "t", 0, "here")] * 2 + [([A_ODD], "t", 0, "here")] + [([A, B], "t", 0, "here")] * 3)
@example([([A, B], "t", 0, "here")] * 2 + [([A_TRADED, B], "t", 0, "here")] + [([A, B], "t", 0, "here")] * 3)
@example([([A, B], "t", 0, "here")] * 2 + [([A, B], "u", 0, "here")] * 2 + [([A, B], "t", 0, "here")] * 2)
@example([([A, B], "t", job, "here") for job in (0, 0, 1, 1, 0, 1, 0)])
@example([([A, B], "t", 0, how) for how in ("here", "here", "travel", "here", "restart", "here", "here")])
def test_records_faults_and_states_are_those_of_who_is_asked_for_by_name(
    script: list[tuple[list[Message], str, int, str]],
) -> None:
    ours, theirs = both(script)

    assert [job.told() for job in ours] == [job.told() for job in theirs]
    assert sum(job.in_columns for job in theirs) == 0


def test_the_quick_way_is_taken() -> None:
    ours, _ = both([([A, B], "t", 0, "here")] * 3)

    assert ours[0].in_columns == 3 + 6
    assert ours[0].pipeline.counts.records == 3 + 6


def test_who_is_forgotten_is_asked_for_by_name_again() -> None:
    """More identities than are kept: nobody is remembered then, and no lane is another one."""
    decoder = Decoder(default_venue="binance-usdm", books_by=bucket_of)
    job, expected = Job(decoder), Job(Decoder(default_venue="binance-usdm", kernel=None))
    many = RawBatch("t")
    for number in range(33_000):
        many.append(raw_of([A], "t", 0).values[0] or b"", key=b"binance-usdm:%d" % number, partition=2, offset=number)
    for number in range(4):
        raw = raw_of([A, B, A_OTHERWISE], "t", 3 * number)
        job.take(raw, "here")
        expected.take(raw, "here")
        if number == 1:
            decoder.decode(many)

    assert job.told() == expected.told()
