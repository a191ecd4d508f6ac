from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.training import precision as P
from workbench.training.settings import LoopSettings

FP32, BF16 = P.Precision(False, False), P.Precision(True, False)
FP32_LAST, BF16_LAST = P.Precision(False, True), P.Precision(True, True)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "workbench" / "precision.json"


def test_plain_float32_stands_unless_beaten_by_five_percent() -> None:
    assert P.fastest({FP32: 1.0, BF16: 0.96}) == FP32
    assert P.fastest({FP32: 1.0, BF16: 0.94}) == BF16
    assert P.fastest({FP32: 1.0, BF16: 0.7, FP32_LAST: 0.8, BF16_LAST: 0.5}) == BF16_LAST
    assert P.fastest({BF16: 1.0}) == BF16


def test_measured_once_per_machine(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def measure(kind: str, device: str) -> dict[P.Precision, float]:
        asked.append((kind, device))
        return {FP32: 0.02, BF16_LAST: 0.01} if kind == "cnn" else {FP32: 0.02, BF16: 0.03}

    monkeypatch.setattr(P, "measure", measure)
    assert [P.best_precision("cnn"), P.best_precision("cnn"), P.best_precision("vit")] == [BF16_LAST, BF16_LAST, FP32]
    assert asked == [("cnn", "cpu"), ("vit", "cpu")]
    written = json.loads(cache.read_text())
    assert written[f"{P.machine('cpu')} cnn"] == {"fp32": 20.0, "bf16 channels_last": 10.0}
    cache.write_text("{broken")
    assert P.best_precision("cnn") == BF16_LAST
    assert len(asked) == 3


def test_a_cache_that_cannot_be_written_is_no_obstacle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(P, "measure", lambda kind, device: {FP32: 1.0})
    assert P.best_precision("vit") == FP32


def test_settings_come_before_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(P, "measure", lambda kind, device: {FP32: 1.0, BF16_LAST: 0.5})
    assert P.choose_precision(LoopSettings(), "cnn") == BF16_LAST
    assert P.choose_precision(LoopSettings(), "vit") == BF16
    assert P.choose_precision(LoopSettings(precision="fp32"), "cnn") == FP32_LAST
    assert P.choose_precision(LoopSettings(channels_last="off"), "cnn") == BF16
    monkeypatch.setattr(P, "best_precision", lambda *words: pytest.fail("nothing was left to measure"))
    assert P.choose_precision(LoopSettings(precision="fp32", channels_last="on"), "cnn") == FP32_LAST
    assert P.choose_precision(LoopSettings(precision="fp32", channels_last="on"), "vit") == FP32


def test_the_measurement_times_every_combination() -> None:
    cnn = P.measure("cnn")
    assert set(cnn) == {FP32, BF16, FP32_LAST, BF16_LAST}
    assert all(0 < seconds < 30 for seconds in cnn.values())
    assert set(P.measure("vit")) == {FP32, BF16}


def test_names() -> None:
    assert [(p.name, p.lightning) for p in (FP32, BF16)] == [("fp32", "32-true"), ("bf16", "bf16-mixed")]
    assert P.machine("cpu").endswith(f"torch {__import__('torch').__version__}")


def test_on_and_off_as_yaml_and_the_command_line_have_them() -> None:
    from workbench.config import load_settings

    for word, expected in (("off", False), ("on", True), ("false", False), ("auto", "auto")):
        assert load_settings(LoopSettings, overrides=[f"channels_last={word}"]).channels_last == expected
    assert LoopSettings.model_validate({"channels_last": "off"}).channels_last is False
