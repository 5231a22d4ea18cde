"""The file of symbols: its form, and whether it has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.live.symbols_file import SymbolsFile, parse_symbols


def test_symbols_are_separated_by_lines_commas_or_blanks() -> None:
    text = "\ufeffbtcusdt, ETHUSDT\n\n# the others\nsolusdt\tBTCUSDT # again\r\nBTCUSD_PERP"

    assert parse_symbols(text, "f") == ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BTCUSD_PERP")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "f: expected symbols, one a line, received none"),
        ("# nothing", "received none"),
        ("BTCUSDT\nETH/USDT", "f: expected symbols such as BTCUSDT, received 'ETH/USDT' in line 2"),
        ("BTC-USDT", "received 'BTC-USDT'$"),
        ("x" * 65, "received 'xxx"),
    ],
)
def test_something_else_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_symbols(text, "f")


def test_a_change_is_seen_once_it_is_there(tmp_path: Path) -> None:
    file = SymbolsFile(tmp_path / "symbols")
    assert not file.changed()
    file.path.write_text("BTCUSDT")
    assert file.changed()
    assert file.read() == ("BTCUSDT",)
    assert not file.changed()
    file.path.write_text("BTCUSDT ETHUSDT")
    assert file.changed()
    file.path.unlink()
    assert not file.changed()
    with pytest.raises(OSError, match="No such file"):
        file.read()
