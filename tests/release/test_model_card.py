from __future__ import annotations

from pathlib import Path

import pytest

from tests.release.making import FIELDS, make_all
from tests.review.making import make_model
from workbench.errors import InputError
from workbench.release.card_page import as_html, as_markdown
from workbench.release.model_card import make_card, write_fields, written_by_people
from workbench.review.record_chain import records
from workbench.runs.workspace import Workspace


def test_a_card_tells_what_the_run_left(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    card = make_card(workspace, make_all(workspace))
    assert card.complete
    text = as_markdown(card)
    for said in (
        "80 pictures of 40 patients in 40 exams", "Kinds: DX 78, CR <5", "Version `v1`", "no 52, yes 28 pictures",
        "| ranking quality (AUC) | 0.810 | 0.700 to 0.900 | 14 |", "55 labelled pictures of 30 patients",
        "60 unlabelled pictures of cohort `chest` by simclr", "No clear difference by sex.", "Read by Dr Park",
        "Dr Lee (radiologist)", "misses 40 of 100", "Other hospitals: the pictures name no site.",
        "not stated for <5 pictures", "Contact sheet looked through and signed by Dr Park", *FIELDS.values(),
    ):  # fmt: skip
        assert said in text, said
    assert "Not filled in" not in text and "**Not complete.**" not in text


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    model = make_all(workspace, without="card")
    card = make_card(workspace, model)
    assert list(card.missing) == list(FIELDS)
    assert card.missing["licence"] == "'Licence' is empty. Under which terms it may be used."
    assert "- 'Licence' is empty." in as_markdown(card)


def test_a_figure_without_an_interval_leaves_the_card_incomplete(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    model = make_all(workspace)
    model.metrics["auc"]["low"] = None
    assert make_card(workspace, model).missing == {
        "evaluation": "'Test' has no interval of its main figure: too few test patients."
    }


def test_fields_are_added_and_the_latest_counts(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    model = make_model(workspace)
    assert write_fields(workspace, model, {"licence": " CC BY "}, who="A") is not None
    assert write_fields(workspace, model, {"licence": "CC BY"}, who="A") is None
    write_fields(workspace, model, {"licence": "none", "contact": "office"}, who="B")
    assert written_by_people(workspace, model) == {"licence": "none", "contact": "office"}
    assert [(r.who, r.content["fields"]) for r in records(workspace, kind="card")] == [
        ("A", {"licence": "CC BY"}), ("B", {"licence": "none", "contact": "office"}),
    ]  # fmt: skip
    with pytest.raises(InputError, match="'evaluation' is no field of the card that people fill in"):
        write_fields(workspace, model, {"evaluation": "perfect"}, who="A")
    with pytest.raises(InputError, match="takes a text"):
        write_fields(workspace, model, {"licence": 3}, who="A")


def test_what_people_write_is_text_in_the_page(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    model = make_model(workspace)
    write_fields(workspace, model, {"contact": "<img src=x onerror=alert(1)> & `a<b>` **bold**"}, who="A")
    page = as_html(make_card(workspace, model))
    assert "<img" not in page and "&lt;img src=x onerror=alert(1)&gt; &amp; <code>a&lt;b&gt;</code> <b>bold</b>" in page
    assert "<th scope=col>95 % interval</th>" in page
