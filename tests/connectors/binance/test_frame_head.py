"""What the patterns read is what a parser reads; what they don't find, they don't guess."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.binance.frame_head import END, SMALL, STREAM, Ids, picker, reader
from connectors.streams import Kind, parse_stream

SPOT_DIFF = b'{"e":"depthUpdate","E":1,"s":"X","U":2,"u":3,"b":[["1","2"]],"a":[]}'
USDM_DIFF = b'{"e":"depthUpdate","E":1,"T":9,"s":"X","U":2,"u":3,"pu":4,"b":[],"a":[["1","2"]]}'
INTEGRATED = b'{"e":"depthUpdate","E":1,"T":9,"s":"X","ps":"X","st":1,"U":2,"u":3,"pu":4,"b":[],"a":[]}'
SPOT_PARTIAL = b'{"lastUpdateId":3,"bids":[],"asks":[]}'
TRADE = b'{"e":"trade","E":1,"T":9,"s":"X","t":3,"p":"1","q":"2","X":"MARKET","m":true}'
AGG_TRADE = b'{"e":"aggTrade","E":1,"a":3,"s":"X","p":"1","q":"2","nq":"2","f":7,"l":8,"T":9,"m":true}'
SPOT_TICKER = b'{"u":3,"s":"X","b":"1","B":"2","a":"3","A":"4"}'
USDM_TICKER = b'{"e":"bookTicker","u":3,"s":"X","b":"1","B":"2","a":"3","A":"4","T":9,"E":1}'

LARGE = {Kind.PARTIAL, Kind.DIFF}

FRAMES = [
    (Kind.DIFF, False, SPOT_DIFF, Ids(1, 3, 2)),
    (Kind.DIFF, True, USDM_DIFF, Ids(1, 3, 2, 4)),
    (Kind.DIFF, True, INTEGRATED, Ids(1, 3, 2, 4)),
    (Kind.PARTIAL, False, SPOT_PARTIAL, Ids(None, 3)),
    (Kind.PARTIAL, True, USDM_DIFF, Ids(1, 3)),
    (Kind.TRADE, False, TRADE, Ids(1, 3)),
    (Kind.TRADE, True, TRADE, Ids(1, 3)),
    (Kind.AGG_TRADE, True, AGG_TRADE, Ids(1, 3)),
    (Kind.BOOK_TICKER, False, SPOT_TICKER, Ids(None, 3)),
    (Kind.BOOK_TICKER, True, USDM_TICKER, Ids(1, 3)),
]


@pytest.mark.parametrize(("kind", "chained", "payload", "ids"), FRAMES)
def test_patterns_and_parser_read_the_same_ids(kind: Kind, chained: bool, payload: bytes, ids: Ids) -> None:
    frame = b'{"stream":"x@y","data":%b}' % payload

    assert picker(kind, chained=chained)(orjson.loads(payload)) == ids
    assert reader(kind, chained=chained)(frame) == (ids if kind in LARGE else None)


@pytest.mark.parametrize(
    ("kind", "chained", "payload"),
    [
        (Kind.DIFF, True, SPOT_DIFF),
        (Kind.DIFF, False, SPOT_PARTIAL),
        (Kind.TRADE, True, AGG_TRADE),
        (Kind.AGG_TRADE, True, TRADE),
        (Kind.DIFF, False, b'{"E":1,"U":2,"u":"3","b":[],"a":[]}'),
        (Kind.DIFF, False, b'{"E":1,"U":2,"u":3.5,"b":[],"a":[]}'),
        (Kind.DIFF, False, b'{"E":1,"U":true,"u":3,"b":[],"a":[]}'),
        (Kind.DIFF, False, b'{"E":1,"b":[["U",2]],"U":2,"u":null,"a":[]}'),
    ],
)
def test_ids_that_are_missing_or_no_integers_are_not_guessed(kind: Kind, chained: bool, payload: bytes) -> None:
    assert reader(kind, chained=chained)(b'{"stream":"x@y","data":%b}' % payload) is None
    assert picker(kind, chained=chained)(orjson.loads(payload)) is None


@given(st.data())
def test_the_patterns_find_what_a_parser_finds_whatever_else_is_there(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(LARGE, key=str)))
    chained = data.draw(st.booleans())
    number = st.integers(0, 2**63 - 1)
    values = (
        number | st.text(max_size=3) | st.booleans() | st.none() | st.lists(st.lists(st.text(max_size=3)), max_size=2)
    )
    names = st.sampled_from(["E", "U", "u", "pu", "lastUpdateId", "t", "a", "b", "s", "T", "st"])
    payload: dict[str, Any] = data.draw(st.dictionaries(names, number) | st.dictionaries(names, values))
    frame = orjson.dumps({"stream": "x@y", "data": payload})
    found = reader(kind, chained=chained)(frame)

    if found is not None:
        assert found[1:] == (picker(kind, chained=chained)(payload) or ())[1:]


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        (b'{"stream":"btcusdt@depth","data":{"e":1}}', b"btcusdt@depth"),
        (b'{"stream": "btcusdt@depth","data":{}}', None),
        (b'{"data":{},"stream":"btcusdt@depth"}', None),
        (b'{"stream":"a\\u0062c","data":{}}', None),
        (b'{"result":null,"id":1}', None),
        (b"", None),
    ],
)
def test_the_name_of_the_stream_is_read_in_the_usual_spelling_only(frame: bytes, name: bytes | None) -> None:
    match = STREAM(frame)

    assert (match[1] if match else None) == name


@pytest.mark.recordings
def test_every_recorded_message_is_read(recordings: Path) -> None:
    read = 0
    for path in sorted(recordings.glob("sample/*.gz")):
        chained = path.name.startswith("usdm")
        for line in gzip.decompress(path.read_bytes()).splitlines():
            frame = line.partition(b" ")[2]
            match = STREAM(frame)
            parsed = parse_stream(match[1].decode()) if match else None
            if parsed is None:
                continue  # the snapshot, which has no envelope

            assert frame.endswith(END)
            ids = picker(parsed[1], chained=chained)(orjson.loads(frame)["data"])
            assert ids is not None
            assert parsed[1] in LARGE or len(frame) <= SMALL
            assert parsed[1] not in LARGE or reader(parsed[1], chained=chained)(frame) == ids
            read += 1

    assert read == 43_441 - 4
