"""The table of verdicts, row by row."""

from __future__ import annotations

import pytest

from workbench.study.contrasts import Contrast
from workbench.study.verdict import judge

INF = float("inf")


def given(estimate: float, se: float, *, band: tuple = (), fewest: int = 50, blocked: str = ""):
    return judge(
        "arm", "ref", Contrast(estimate, se, INF), holm_level=0.95, band=list(band), fewest_test_patients=fewest,
        blocked=blocked,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("estimate", "se", "short", "words"),
    [
        (0.05, 0.010, "helps", "better than ref by more than 0.01"),
        (0.025, 0.010, "helps", "better than ref by an uncertain amount"),
        (0.006, 0.001, "helps", "better than ref by less than 0.01"),
        (-0.05, 0.010, "hurts", "worse than ref by more than 0.01"),
        (-0.025, 0.010, "hurts", "worse than ref by an uncertain amount"),
        (-0.006, 0.001, "hurts", "worse than ref by less than 0.01"),
        (0.001, 0.003, "no meaningful difference", "No meaningful difference between arm and ref"),
        (0.01, 0.010, "no benefit shown", "a difference below 0.028 could not have been detected"),
        (0.0, 0.0, "identical", "identical results: no benefit shown"),
        (0.01, 0.0, "no verdict", "do not vary"),
    ],
)
def test_every_row(estimate: float, se: float, short: str, words: str) -> None:
    found = given(estimate, se)
    assert found.short == short
    assert words in found.sentence
    assert "significant" not in found.sentence


def test_what_could_have_been_seen() -> None:
    found = given(0.01, 0.01)
    assert found.detectable == pytest.approx(0.028)
    assert found.supported_margin == pytest.approx(0.01 + 1.6449 * 0.01, abs=1e-4)


def test_help_here_and_harm_there_is_mixed_and_comes_first() -> None:
    found = given(0.05, 0.01, band=[("10", 0.01, 0.1), ("50", -0.02, 0.02), ("100", -0.1, -0.01)])
    assert found.short == "mixed"
    assert "helps at 10 labels and hurts at 100" in found.sentence


def test_no_verdict_on_few_patients_or_when_blocked() -> None:
    assert given(0.5, 0.01, fewest=9).short == "no verdict"
    assert "only 9 patients" in given(0.5, 0.01, fewest=9).sentence
    assert given(0.5, 0.01, blocked="its encoder saw test scans.").sentence == (
        "No verdict for arm: its encoder saw test scans."
    )
