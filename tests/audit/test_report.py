"""Tables, figures and the page, made from ``audit.json`` alone."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from PIL import Image

from workbench.audit.figures import caption, draw_figures
from workbench.audit.report import methods, write_report
from workbench.audit.tables import write_tables


class Tags(HTMLParser):
    """Open and closed tags, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        if tag not in ("meta", "br", "path", "use", "rect", "image"):
            self.open.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_endtag(self, tag) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data) -> None:
        self.words.append(data)


def test_the_page_is_one_file_that_asks_for_nothing(audited: SimpleNamespace) -> None:
    text = (audited.folder / "audit.html").read_text(encoding="utf-8")
    page = Tags()
    page.feed(re.sub(r"<svg.*?</svg>", "", text, flags=re.S))
    assert page.open == [] and page.addresses == []
    assert not re.search(r"(?:src|href)=[\"']https?:", text)
    words = " ".join(page.words)
    for heading in (
        "For whom does it work?", "Does it take a shortcut?", "Are the labelled patients like the pool?",
        "Do probabilities mean what they say?", "Where to draw the line", "Is acting on it worth while?",
        "Which cases must a person read?", "Labels to look at again", "How it was done",
    ):  # fmt: skip
        assert heading in words
    assert audited.summary["verdict"] in words
    assert "Not a medical device" in words
    assert len(text) < 3_000_000


def test_every_figure_is_png_and_svg_with_its_numbers(audited: SimpleNamespace) -> None:
    folder = audited.folder / "figures"
    names = {file.stem for file in folder.iterdir()}
    assert names == {
        "groups", "worst_groups", "shortcuts", "representation", "reliability", "decision_curve", "operating_point",
        "referral",
    }  # fmt: skip
    for name in names:
        assert Image.open(folder / f"{name}.png").size[0] > 400
        assert "<svg" in (folder / f"{name}.svg").read_text(encoding="utf-8")
    text = caption(audited.summary)
    test = audited.summary["test"]
    assert f"{test['patients']:,} test patients" in text and f"{test['positive_patients']:,} with" in text


def test_tables_hold_what_the_json_holds(audited: SimpleNamespace) -> None:
    folder = audited.folder / "tables"
    groups = pd.read_csv(folder / "groups.csv")
    expected = 1 + sum(len(each["groups"]) for each in audited.summary["attributes"])
    assert len(groups) == expected
    first = audited.summary["everyone"]["points"][3]["auc"]
    assert groups.loc[0, ["auc", "auc_low", "auc_high"]].tolist() == pytest.approx(
        [first["value"], first["low"], first["high"]], rel=1e-5
    )
    curves = pd.read_csv(folder / "group_curves.csv")
    assert len(curves) == 8 * expected
    names = {file.stem for file in folder.iterdir()}
    assert names >= {"shortcuts", "representation", "calibration", "reliability", "operating_points", "referral"}
    cases = pd.read_csv(audited.folder / "labels_to_check.csv")
    assert len(cases) == 20 and cases["patient_key"].is_unique


def test_an_audit_without_attributes_still_has_a_page(audited: SimpleNamespace, tmp_path: Path) -> None:
    bare = copy.deepcopy(audited.summary)
    bare |= {"attributes": [], "skipped": [], "shortcuts": [], "representation": [], "rivals": []}
    bare["referral"] |= {"by_budget": [], "by_group": []}
    bare["cases"]["count"] = 0
    captions = draw_figures(bare, tmp_path / "figures")
    assert set(captions) == {"reliability", "decision_curve", "operating_point"}
    same = [(root / "figures" / "decision_curve.svg").read_bytes() for root in (tmp_path, audited.folder)]
    assert same[0] == same[1]  # drawn again it is the same file
    write_tables(bare, tmp_path / "tables")
    text = write_report(bare, tmp_path, captions, title="<b>").read_text(encoding="utf-8")
    assert "No attribute of these scans has two groups" in text and "&lt;b&gt;" in text
    assert "which were not kept" in text


def test_methods_name_what_was_done(audited: SimpleNamespace) -> None:
    text = methods(audited.summary)
    assert "sex, age, scanner, view, ward, weight" in text and "Holm" in text and "out-of-fold" in text
