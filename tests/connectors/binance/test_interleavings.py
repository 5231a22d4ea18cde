"""Whatever happens in whatever order: limits are kept, nothing is lost or doubled, and everything heals."""

from __future__ import annotations

from collections import Counter

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook.diff_lane import DiffLane
from orderbook.events import Diff, Snapshot
from orderbook.presets import MeasureConfig
from orderbook.record import RESYNCING
from tests.connectors.binance.world import World

SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")
VENUE = st.sampled_from(["binance-spot", "binance-usdm"])

happenings = st.one_of(
    st.tuples(st.just("tick"), st.integers(1, 30)),
    st.tuples(st.just("publish"), st.integers(0, 2)),
    st.tuples(st.just("publish"), st.integers(0, 2)),
    st.tuples(st.just("deliver"), st.integers(0, 5)),
    st.tuples(st.just("deliver"), st.integers(0, 5)),
    st.tuples(st.just("connect"), st.integers(0, 3)),
    st.tuples(st.just("answer"), st.sampled_from(["book", "old", "500", "0", "429"])),
    st.tuples(st.just("lose"), st.integers(0, 2)),
    st.tuples(st.just("cut"), st.integers(0, 5)),
    st.tuples(st.just("shutdown"), st.just(0)),
    st.tuples(st.just("garbage"), st.just(0)),
    st.tuples(st.just("want"), st.integers(1, 7)),
)


def happen(world: World, what: str, value: int | str) -> None:
    number = value if isinstance(value, int) else 0
    wires = list(world.wires)
    if what == "tick":
        for _ in range(number):
            world.tick()
    elif what == "publish":
        world.publish(SYMBOLS[number])
    elif what == "lose":
        world.publish(SYMBOLS[number], lost=True)
    elif what == "deliver" and wires:
        world.deliver(wires[number % len(wires)], 1 + number)
    elif what == "connect":
        world.connect(works=number > 0)
    elif what == "answer":
        world.answer(str(value))
    elif what == "cut" and wires:
        world.cut(wires[number % len(wires)])
    elif what == "shutdown":
        world.say(b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}')
    elif what == "garbage":
        world.say(b"\x00 no JSON")
    elif what == "want":
        world.want([symbol for place, symbol in enumerate(SYMBOLS) if number >> place & 1])


def most(times: list[float], span_s: float) -> int:
    """Most of them within any span."""
    return max((sum(at_s <= each < at_s + span_s - 1e-6 for each in times) for at_s in times), default=0)


def check_limits(world: World) -> None:
    for socket in {socket for _, socket in world.sends}:
        sends = [at_s for at_s, each in world.sends if each == socket]
        assert most(sends, 1.0) < world.venue.incoming_per_second / 2
    assert most(world.opens, 300.0) <= world.venue.connections_per_5_minutes // 2
    for symbol in SYMBOLS:
        assert most([at_s for at_s, fetch in world.fetches if fetch.symbol == symbol], 1.0) <= 1
    weights = [(at_s, fetch.weight) for at_s, fetch in world.fetches]
    for at_s, _ in weights:
        spent = sum(weight for each_s, weight in weights if at_s <= each_s < at_s + 60.0 - 1e-6)
        assert spent <= world.core.status.weight_limit


def book_state(world: World, symbol: str) -> int:
    """The state of the job's own book after everything that was written."""
    lane = DiffLane(MeasureConfig())
    state = RESYNCING
    for write in world.written:
        if write.symbol != symbol:
            continue
        message = orjson.loads(write.value)
        data = message["data"]
        if message["stream"].endswith("@snapshot"):
            lane.snapshot(Snapshot(0, data["lastUpdateId"], [], []), Counter())
        elif "@depth" in message["stream"]:
            state = lane.feed(
                Diff(0, 0, None, data["E"], None, data["u"], data["U"], data.get("pu"), [], []), Counter()
            )
    return state


@settings(max_examples=150)
@given(VENUE, st.lists(happenings, max_size=80))
def test_limits_are_kept_and_everything_heals(venue: str, script: list[tuple[str, int | str]]) -> None:
    world = World(venue, SYMBOLS, streams_per_connection=4, lifetime_s=200.0)
    for what, value in script:
        happen(world, what, value)
    world.heal(75.0)
    for _ in range(600):  # not in the middle of a hand-over
        if all(line.coming is None and line.why is None for line in world.core._fleet.lines):
            break
        world.heal(0.1)

    check_limits(world)
    wanted = {f"{symbol.lower()}@{suffix}" for symbol in world.symbols for suffix in ("depth@100ms", "trade")}
    carried = Counter(stream for wire in world.wires.values() for stream in wire.streams)
    assert carried == dict.fromkeys(wanted, 1)
    assert world.core.status.resyncing == 0
    for symbol in world.symbols:
        assert book_state(world, symbol) != RESYNCING


seams = st.one_of(
    st.tuples(st.just("publish"), st.integers(0, 2)),
    st.tuples(st.just("deliver"), st.integers(0, 3)),
    st.tuples(st.just("tick"), st.just(1)),
    st.tuples(st.just("cut"), st.integers(0, 20)),
)

before = st.lists(st.integers(0, 2), max_size=5)


@settings(max_examples=150)
@given(VENUE, st.lists(st.tuples(before, st.lists(seams, max_size=25)), min_size=1, max_size=4))
def test_hand_overs_lose_nothing_and_double_nothing(
    venue: str, rounds: list[tuple[list[int], list[tuple[str, int | str]]]]
) -> None:
    world = World(venue, SYMBOLS, silence_s=1e6, trade_silence_s=1e6)
    world.heal(0.5)
    for under_way, script in rounds:
        world.say(b'{"e":"serverShutdown"}')
        world.deliver_all()
        world.tick()
        for number in under_way:  # on the old socket only, and not yet here
            world.publish(SYMBOLS[number])
        while world.opening:
            world.connect(works=True)
        for what, value in script:
            if what == "tick":
                world.deliver_all()  # no frame is under way for longer than a hand-over waits
            if what != "cut" or value in {0, 1}:
                happen(world, what, value)
        world.deliver_all()
        world.heal(1.0)

    written = Counter(write.value for write in world.written if b"@snapshot" not in write.value)
    assert set(written.values()) <= {1}
    assert set(world.delivered) == set(written)
    last: Counter[str] = Counter()
    for write in world.written:
        message = orjson.loads(write.value)
        if message["stream"].endswith("@snapshot"):
            continue
        number = message["data"].get("u", message["data"].get("t"))
        assert number > last[message["stream"]]
        last[message["stream"]] = number
