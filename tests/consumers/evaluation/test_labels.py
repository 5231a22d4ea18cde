"""Labels against a plain search, on any clock and any price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from consumers.evaluation.labels import Labels, after, late_ms, next_move
from consumers.evaluation.series import Series
from tests.consumers.evaluation.markets import series

STEPS = st.lists(
    st.tuples(st.sampled_from([0, 1, 50, 100, 100, 700, 5000]), st.sampled_from([99.0, 100.0, 100.0, None])),
    min_size=2,
    max_size=40,
)


def of(steps: list[tuple[int, float | None]]) -> Series:
    time = np.cumsum([step for step, _ in steps])
    return replace(series(np.array([np.nan if mid is None else mid for _, mid in steps])), time_ms=time, book_ms=time)


def found(labels: Labels) -> list[tuple[float, int] | None]:
    return [
        (value, int(end)) if np.isfinite(value) else None
        for value, end in zip(labels.return_bps, labels.end_ms, strict=True)
    ]


@given(STEPS, st.sampled_from([0.05, 0.1, 1.0]))
def test_the_label_is_the_first_mid_at_the_horizon_or_later(
    steps: list[tuple[int, float | None]], horizon_s: float
) -> None:
    one = of(steps)
    expected: list[tuple[float, int] | None] = []
    for now, mid in zip(one.time_ms, one.mid, strict=True):
        later = [
            (t, m) for t, m in zip(one.time_ms, one.mid, strict=True) if t >= now + 1000 * horizon_s and np.isfinite(m)
        ]
        near = bool(later) and np.isfinite(mid) and later[0][0] - now - 1000 * horizon_s <= late_ms(one)
        expected.append(((later[0][1] - mid) / mid * 1e4, int(later[0][0])) if near else None)

    assert found(after(one, horizon_s)) == expected


@given(STEPS)
def test_the_next_move_is_the_first_other_mid_unless_a_silence_lies_between(
    steps: list[tuple[int, float | None]],
) -> None:
    one = of(steps)
    rows = [(int(t), m) for t, m in zip(one.time_ms, one.mid, strict=True) if np.isfinite(m)]
    expected: list[tuple[float, int] | None] = []
    for at, mid in enumerate(one.mid):
        place = int(np.isfinite(one.mid[:at]).sum())
        answer = None
        if np.isfinite(mid):
            for (before, _), (now, other) in zip(rows[place:], rows[place + 1 :], strict=False):
                if now - before > late_ms(one):
                    break
                if other != mid:
                    answer = (other - mid) / mid * 1e4, now
                    break
        expected.append(answer)

    assert found(next_move(one)) == expected


@given(STEPS)
def test_the_last_move_is_known_at_the_record(steps: list[tuple[int, float | None]]) -> None:
    one = of(steps)
    labels = after(one, 0.1)
    last, before = 0.0, None
    for at, mid in enumerate(one.mid):
        if not np.isfinite(mid):
            continue
        if before is not None and mid != before:
            last = float(np.sign(mid - before))
        before = mid
        assert labels.last_move[at] == last


def test_what_is_not_known_yet_has_no_label() -> None:
    labels = after(series(np.array([100.0, 101.0, 102.0])), 0.1)

    assert list(labels.known) == [True, True, False]
    assert (labels.name, labels.horizon_s) == ("0.1 s", 0.1)
