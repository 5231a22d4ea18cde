from __future__ import annotations

import re

import pytest

from dataflows.shards import Shard, parse_shard


@pytest.mark.parametrize("text", ["", "1", "2/2", "-1/2", "a/b", "0/0", "1/2/3", "\N{ARABIC-INDIC DIGIT ONE}/2"])
def test_a_shard_is_said_as_one_of_how_many(text: str) -> None:
    with pytest.raises(ValueError, match=f"expected I/N .* received {re.escape(repr(text))}"):
        parse_shard(text)


def test_the_shards_share_all_partitions_out() -> None:
    for count in range(1, 6):
        shards = [parse_shard(f"{index}/{count}") for index in range(count)]
        owned = sorted(partition for shard in shards for partition in shard.partitions(11))

        assert owned == list(range(11))
        assert [str(shard) for shard in shards] == [f"{index}/{count}" for index in range(count)]
    assert Shard(3, 4).partitions(3) == ()
