from __future__ import annotations

from pathlib import Path

import pytest

from dataflows.settings import Settings, SettingsError, changed, describe_settings, load_settings, split_address
from orderbook.presets import PRESETS


def load(
    flags: dict[str, object] | None = None,
    config: Path | None = None,
    preset: str | None = None,
    environ: dict[str, str] | None = None,
) -> Settings:
    return load_settings(flags or {}, config, preset, environ or {})


def problems(**sources: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(**sources)  # type: ignore[arg-type]
    return caught.value.problems


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_are_those_of_the_contract() -> None:
    settings = load()
    assert (settings.raw_topic, settings.metrics_topic, settings.faults_topic) == (
        "depth.raw",
        "depth.metrics",
        "depth.faults",
    )
    assert (settings.depth_levels, settings.delta_volume_window, settings.large_order_threshold_pct) == (20, 100, 0.01)
    assert settings.delta_estimator == "swept"
    assert settings.bare_depth is None
    assert settings.delivery == "idempotent"
    assert (settings.max_levels, settings.max_message_bytes) == (20_000, 5_000_000)
    assert (settings.epoch_interval_ms, settings.broker_timeout_s) == (1000, 30.0)
    assert settings.metrics_addr is None
    assert settings.kafka == {}


def test_stronger_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text('depth_levels = 30\ndelta_volume_window = 31\nmax_levels = 32\nraw_topic = "file"\n')
    environ = {"OBI_DELTA_VOLUME_WINDOW": "41", "OBI_MAX_LEVELS": "42"}
    settings = load({"max_levels": 52, "epoch_interval_ms": None}, file, "swing", environ)
    assert settings.depth_levels == 30  # the file over the preset's 50
    assert settings.delta_volume_window == 41
    assert settings.max_levels == 52
    assert settings.raw_topic == "file"
    assert load(preset="swing").delta_volume_window == 200


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid(preset: str) -> None:
    settings = load(preset=preset)
    assert {name: getattr(settings, name) for name in PRESETS[preset]} == dict(PRESETS[preset])


def test_obi_toml_of_the_working_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "obi.toml").write_text("depth_levels = 7\n")
    assert load().depth_levels == 7


def test_names_that_differ_outside() -> None:
    settings = load(environ={"OBI_FROM": "latest", "OBI_BROKER_TIMEOUT": "2.5"})
    assert (settings.from_, settings.broker_timeout_s) == ("latest", 2.5)
    assert load({"from": "latest"}).from_ == load({"from_": "latest"}).from_ == "latest"


def test_all_wrong_and_unknown_names_come_in_one_error(tmp_path: Path) -> None:
    file = tmp_path / "obi.toml"
    file.write_text('depth_level = 3\nepoch_interval_ms = true\ndelta_estimator = "guess"\n')
    found = problems(
        flags={"batch_size": 0, "nonsense": 1},
        config=file,
        preset="slow",
        environ={"OBI_DEPTH_LEVLS": "1", "OBI_MAX_LEVELS": "many", "OBI_DELIVERY": "twice"},
    )
    text = "\n".join(found)
    assert len(found) == 9
    assert f"depth_level (file {file}): unknown; did you mean depth_levels?" in text
    assert "OBI_DEPTH_LEVLS (environment): unknown; did you mean OBI_DEPTH_LEVELS?" in text
    assert "nonsense (flag): unknown" in text
    assert "--preset: expected one of hft, swing, illiquid, received 'slow'" in text
    assert "batch_size (flag --batch-size): expected 1 .. 100000 (messages), received 0" in text
    assert "max_levels (environment OBI_MAX_LEVELS): expected 1 or more (levels), received 'many'" in text
    assert f"delta_estimator (file {file}): expected swept or price_gap, received 'guess'" in text
    assert f"epoch_interval_ms (file {file}): expected 10 .. 600000 (ms), received True" in text
    assert "delivery (environment OBI_DELIVERY): expected idempotent or transactional, received 'twice'" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("raw_topic", "a b"),
        ("raw_topic", ".."),
        ("raw_topic", ""),
        ("default_venue", "Binance"),
        ("bootstrap_servers", "a:b"),
        ("bootstrap_servers", "a,,b"),
        ("metrics_addr", "9100"),
        ("metrics_addr", "localhost:70000"),
        ("contract_sizes", "BTC=0"),
        ("contract_sizes", "BTC"),
        ("bare_depth", "full"),
        ("depth_levels", 5001),
        ("depth_levels", 2.5),
        ("book_levels", 20_001),
        ("book_levels", 19),
        ("large_order_threshold_pct", float("nan")),
        ("large_order_threshold_pct", "1.5"),
        ("kafka", "x"),
        ("from_", "middle"),
    ],
)
def test_a_wrong_value_names_its_setting(name: str, value: object) -> None:
    (problem,) = problems(flags={name: value})
    assert problem.startswith(name.rstrip("_"))
    assert "(flag --" in problem


def test_two_topics_of_one_name_are_refused() -> None:
    (problem,) = problems(environ={"OBI_METRICS_TOPIC": "depth.raw"})
    assert "metrics_topic (environment OBI_METRICS_TOPIC)" in problem
    assert "raw_topic too" in problem


@pytest.mark.parametrize(
    ("text", "expected"), [("depth_levels =", "expected TOML"), (None, "expected a readable file")]
)
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, text: str | None, expected: str) -> None:
    file = tmp_path / "x.toml"
    if text is not None:
        file.write_text(text)
    (problem,) = problems(config=file)
    assert expected in problem


def test_environment_names_of_others_are_left_alone() -> None:
    load(environ={"OBI_BINANCE_SPOT_WS_URL": "wss://x", "OBI_REQUIRE_BROKER": "1", "OTHER": "x", "OBI_BARE_DEPTH": ""})


def test_librdkafka_keys_are_laid_over_each_other_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "obi.toml"
    file.write_text('[kafka]\n"sasl.username" = "file"\n"socket.keepalive.enable" = true\n"retries" = 3\n')
    settings = load(environ={"OBI_KAFKA_SASL_USERNAME": "me", "OBI_KAFKA_SECURITY_PROTOCOL": "SSL"})
    assert settings.kafka == {
        "sasl.username": "me",
        "socket.keepalive.enable": "true",
        "retries": "3",
        "security.protocol": "SSL",
    }


def test_secrets_are_in_no_repr_dump_or_error(tmp_path: Path) -> None:
    settings = load(environ={"OBI_KAFKA_SASL_PASSWORD": "hunter2", "OBI_KAFKA_SASL_USERNAME": "me"})
    assert settings.kafka["sasl.password"] == "hunter2"
    assert "hunter2" not in f"{settings!r} {settings!s} {settings.model_dump()} {settings.model_dump_json()}"
    file = tmp_path / "obi.toml"
    file.write_text('[kafka]\n"sasl.password" = ["hunter2"]\n')
    (problem,) = problems(config=file)
    assert "kafka.sasl.password (file" in problem
    assert "hunter2" not in problem


def test_librdkafka_keys_are_checked_although_others_are_wrong() -> None:
    told = problems(environ={"OBI_KAFKA_ACKS": "0", "OBI_BATCH_SIZE": "0"})
    assert [problem.partition(" ")[0] for problem in told] == ["batch_size", "kafka.acks"]


def test_librdkafka_keys_are_checked_with_the_rest() -> None:
    environ = {"OBI_KAFKA_ACKS": "0", "OBI_KAFKA_NO_SUCH_KEY": "hunter2", "OBI_KAFKA_SSL_CA_LOCATION": "/x"}
    first, second = problems(environ=environ)
    assert "kafka.acks (environment OBI_KAFKA_ACKS" in first
    assert "is set by obi itself" in first
    assert "kafka.no.such.key (environment OBI_KAFKA_NO_SUCH_KEY" in second
    assert "is no key of librdkafka" in second
    assert "hunter2" not in second


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().depth_levels = 3


def test_contract_sizes_from_text_and_table(tmp_path: Path) -> None:
    assert load(environ={"OBI_CONTRACT_SIZES": "A=1, B=2.5"}).contract_sizes == {"A": 1.0, "B": 2.5}
    (tmp_path / "obi.toml").write_text("[contract_sizes]\nA = 3\n")
    assert load().contract_sizes == {"A": 3.0}


def test_the_state_directory_follows_xdg() -> None:
    assert load(environ={"XDG_STATE_HOME": "/s"}).state_dir == Path("/s/obi")
    assert load(environ={"HOME": "/h"}).state_dir == Path("/h/.local/state/obi")
    assert load(environ={"HOME": "/h", "OBI_STATE_DIR": "/mine"}).state_dir == Path("/mine")


def test_every_setting_is_described_with_its_names() -> None:
    infos = {info.name: info for info in describe_settings()}
    assert set(infos) == set(Settings.model_fields)
    assert all(info.description.endswith(".") and info.expects for info in infos.values())
    assert (infos["from_"].flag, infos["from_"].env) == ("--from", "OBI_FROM")
    assert (infos["broker_timeout_s"].flag, infos["broker_timeout_s"].unit) == ("--broker-timeout", "s")
    assert infos["bare_depth"].choices == ("partial", "diff")
    assert infos["depth_levels"].kind is int
    assert infos["kafka"].flag is None


@pytest.mark.parametrize(
    ("text", "pair"),
    [("a:1", ("a", 1)), (":0", ("", 0)), ("[::1]:9100", ("::1", 9100)), ("1.2.3.4:80", ("1.2.3.4", 80))],
)
def test_addresses_are_split(text: str, pair: tuple[str, int]) -> None:
    assert split_address(text) == pair


def test_settings_can_be_changed_by_name_and_the_others_stay() -> None:
    before = load(
        {"raw_topic": "r", "contract_sizes": "A=7", "state_dir": "/s"}, environ={"OBI_KAFKA_CLIENT_RACK": "x"}
    )
    after = changed(before, ["delta-volume-window = 7", "bare_depth=diff"], ("delta_volume_window", "bare_depth"))

    assert (after.delta_volume_window, after.bare_depth) == (7, "diff")
    assert after.kafka == before.kafka == {"client.rack": "x"}
    assert after == before.model_copy(update={"delta_volume_window": 7, "bare_depth": "diff"})
    assert changed(before, [], ()) == before


def test_changes_that_are_wrong_or_not_allowed_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        changed(load({}), ["depth_levels=0", "raw_topic=x", "depth_levls=3", "what"], ("depth_levels",))

    assert caught.value.problems == (
        "raw_topic (--set): unknown; there is no such setting",
        "depth_levls (--set): unknown; did you mean depth_levels?",
        "--set what: expected name=value, received no '='",
        "depth_levels (--set): expected 1 .. 5000 (levels), received '0'",
    )
