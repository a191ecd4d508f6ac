from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.study.figures import caption, draw_figures
from workbench.study.report import compared_with, methods, write_report


@pytest.fixture
def summary(finished: SimpleNamespace) -> dict[str, Any]:
    return json.loads((finished.folder / "summary.json").read_text())


def test_one_file_small_and_without_a_network(finished: SimpleNamespace) -> None:
    page = (finished.folder / "report.html").read_text()
    assert len(page.encode()) < 6_000_000
    assert not re.search(r"<(script|img|link|iframe)[^>]*(src|href)=", page)
    assert finished.result.report == str(finished.folder / "report.html")


def test_the_answer_comes_first(finished: SimpleNamespace, summary: dict[str, Any]) -> None:
    page = (finished.folder / "report.html").read_text()
    places = [
        page.index(words)
        for words in (
            "class='verdict'",
            "The curve",
            "The difference to the reference",
            "<h2>Labels saved",
            "What would change our mind",
            "All points",
            "Not run: 500 labelled patients",
            "How it was done",
        )
    ]
    assert places == sorted(places)
    assert page.count("<figure") == 2
    rows = page[page.index("All points") :]
    assert rows.count("<tr>") >= len(summary["curve"])


def test_the_methods_quote_the_studys_numbers(summary: dict[str, Any]) -> None:
    words = methods(summary)
    assert f"{summary['test']['patients']:,} test patients" in words
    assert "a difference of 0.01 is taken to matter" in words
    assert "headline protocol (linear probe)" in words


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("scratch", "trained end to end from random weights on the same labels."),
        ("random", "That is not training from scratch."),
        ("features", "strong (linear probe) is compared with weak (linear probe)."),
    ],
)
def test_what_the_reference_is_stands_in_words(summary: dict[str, Any], kind: str, words: str) -> None:
    changed = copy.deepcopy(summary)
    for arm in changed["arms"]:
        arm["kind"] = kind if arm["name"] == "weak" else arm["kind"]
    assert compared_with(changed)[0].endswith(words)


def test_what_more_labels_would_bring_or_why_nobody_can_tell(summary: dict[str, Any], tmp_path: Path) -> None:
    assert [found["protocol"] for found in summary["forecast"]] == ["probe"] * len(summary["forecast"])
    refused = write_report(summary, tmp_path, title="Study").read_text()
    assert "Not enough evidence to extrapolate: " in refused
    given = copy.deepcopy(summary)
    point = {"n": 200.0, "value": 0.91, "low": 0.88, "high": 0.93}
    needed = {"target": 0.93, "n": 300.0, "low": 200.0, "high": 500.0, "text": "AUC 0.930: about 300 patients."}
    given["forecast"][0] |= {"refused": "", "points": [point] * 3, "required": [needed], "advice": "Label 200 more."}
    words = write_report(given, tmp_path, title="Study").read_text()
    assert "0.910 (0.880 to 0.930) at 200" in words
    assert "AUC 0.930: about 300 patients." in words and "Label 200 more." in words


def test_figures_are_written_and_transductive_is_on_them(summary: dict[str, Any], tmp_path: Path) -> None:
    summary["arms"][1].update(seen="transductive", label="strong (transductive)")
    files = draw_figures(summary, tmp_path / "figures")
    assert [file.name for file in files] == ["curve.png", "curve.svg", "difference.png", "difference.svg"]
    assert "TRANSDUCTIVE" in caption(summary)
    assert files[0].read_bytes()[:4] == b"\x89PNG"
    write_report(summary, tmp_path, title="<b>T</b>")
    page = (tmp_path / "report.html").read_text()
    assert "TRANSDUCTIVE" in page and "<b>T</b>" not in page


def test_nothing_to_compare(summary: dict[str, Any], tmp_path: Path) -> None:
    summary["comparisons"] = []
    files = draw_figures(summary, tmp_path / "figures")
    assert [file.name for file in files] == ["curve.png", "curve.svg"]
    page = write_report(summary, tmp_path, title="T").read_text()
    assert "Nothing was compared." in page and "Nothing to compare under the headline protocol." in page
