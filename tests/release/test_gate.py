from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.release.making import STEPS, make_all
from tests.review.making import make_model
from workbench.errors import InputError
from workbench.release.gate import conditions, pass_gate
from workbench.review.record_chain import records
from workbench.review.reviewed_model import find_model
from workbench.runs.workspace import Workspace

SENTENCES = {
    "privacy": "Nobody has signed that the pictures of 'chest' show no names.",
    "subgroups": "Nobody has read the audit of groups of patients.",
    "review": "No person has reviewed cases of this model and signed.",
    "card": "The model card is not complete; it lacks: Intended use, Not for, Who labelled, and how, Licence, Contact.",
}


def test_with_everything_there_the_gate_is_open(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    model = make_all(workspace)
    assert [(c.name, c.met) for c in conditions(workspace, model)] == [
        (name, True) for name in ("privacy", "subgroups", "review", "card", "records")
    ]
    assert pass_gate(workspace, model, "export", who="Dr Lee") is None
    assert records(workspace, kind="override") == []


@pytest.mark.parametrize("absent", STEPS)
def test_each_missing_thing_closes_it_with_one_sentence(tmp_path: Path, absent: str) -> None:
    workspace = Workspace(tmp_path)
    model = make_all(workspace, without=absent)
    with pytest.raises(InputError) as caught:
        pass_gate(workspace, model, "export", who="Dr Lee")
    assert caught.value.what == f"'reader' cannot have this yet (export): {SENTENCES[absent]}"
    assert caught.value.todo.startswith(("Look through", "Read it", "Open a queue", "Write the fields"))


def test_going_on_in_spite_of_it_is_recorded_with_its_reason(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    model = make_all(workspace, without="review")
    record = pass_gate(workspace, model, "export", who="Dr Lee", force_reason=" for a  phantom study ")
    assert record is not None and (record.who, record.content["reason"]) == ("Dr Lee", "for a phantom study")
    assert record.content["missing"] == [{"name": "review", "sentence": SENTENCES["review"]}]
    with pytest.raises(InputError, match="cannot have this yet"):
        pass_gate(workspace, model, "export", who="Dr Lee")


def test_a_broken_chain_closes_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    model = make_all(workspace)
    connection = sqlite3.connect(workspace.database)
    connection.execute("DROP TRIGGER chain_is_not_changed")
    connection.execute("UPDATE chain SET who = 'Dr Lee' WHERE number = 1")
    connection.commit()
    connection.close()
    with pytest.raises(InputError, match="Record 1 was changed after it was written"):
        pass_gate(workspace, model, "export", who="Dr Lee")


def test_what_was_signed_for_one_model_does_not_serve_another(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    make_all(workspace)
    other = make_model(workspace, "later", weights_sha256="cd" * 32)
    assert {c.name for c in conditions(workspace, other) if not c.met} == {"subgroups", "review", "card"}


def test_an_encoder_needs_card_and_privacy(tmp_path: Path) -> None:
    import json

    from tests.app.fabricated import make_pretraining

    workspace = Workspace(tmp_path)
    run = make_pretraining(workspace, "night", epochs=3, planned=3)
    (run.path / "encoder.json").write_text(json.dumps({"weights_sha256": "ef" * 32, "cohort": "chest"}))
    found = conditions(workspace, find_model("night", workspace))
    assert [(c.name, c.met) for c in found] == [("privacy", False), ("card", False), ("records", True)]
