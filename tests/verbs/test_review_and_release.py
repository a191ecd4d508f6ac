"""The verbs review, signoff and export, from a trained classifier to an approved one."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.app.fabricated import make_run
from tests.release.making import INTAKE, real_classifier
from tests.review.making import audit_of, make_cohort, make_model, scores
from workbench.cohort import decisions
from workbench.config import load_settings
from workbench.errors import InputError
from workbench.runs.workspace import Workspace
from workbench.verbs import VERBS


@pytest.fixture
def bench(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "w")
    cohort = make_cohort(workspace, 60)
    (cohort.folder / "intake.json").write_text(json.dumps(INTAKE))
    model = make_model(workspace)
    real_classifier(model.folder)
    table = scores(cohort)
    long = table[table["reserved"]].melt(["scan_id", "patient_key", "label"], ["no", "yes"], "class", "probability")
    long.to_parquet(model.folder / "predictions.parquet")
    return workspace


def call(workspace: Workspace, verb: str, **values):
    model, function = VERBS[verb].load()
    return function(load_settings(model, values=values), workspace=workspace)


def answer_all(workspace: Workspace, tmp_path: Path, queue: str) -> None:
    call(workspace, "review", queue=queue, blank=tmp_path / "blank.csv")
    table = pd.read_csv(tmp_path / "blank.csv", dtype=str).fillna("")
    assert list(table.columns) == ["place", "scan_id", "first", "final", "note"]
    table["first"] = ["yes" if int(scan[1:4]) % 3 == 0 else "no" for scan in table["scan_id"]]
    table.to_csv(tmp_path / "filled.csv", index=False)
    done = call(workspace, "review", queue=queue, answers=tmp_path / "filled.csv", who="Dr Lee")
    assert done.done == done.cases and done.waiting == []
    assert f"{done.cases} answers of Dr Lee recorded, 0 rows were empty." in done.told


def test_from_a_queue_to_an_approved_model(bench: Workspace, tmp_path: Path) -> None:
    assert "No review queue" in call(bench, "review").summary()
    opened = call(bench, "review", model="reader", count=8, name="first")
    assert (opened.queue, opened.cases, opened.done) == ("first", 8, 0) and sum(opened.strata.values()) == 8
    assert opened.question == "Which of: no, yes?"
    with pytest.raises(InputError, match="8 of 8 cases of 'first' have no verdict"):
        call(bench, "signoff", model="reader", queue="first", role="radiologist", who="Dr Lee")
    answer_all(bench, tmp_path, "first")
    assert call(bench, "review").queues[0]["done"] == 8
    with pytest.raises(InputError) as caught:
        call(bench, "export", model="reader", alias="approved", who="Dr Lee")
    for sentence in (
        "Nobody has signed that the pictures of 'chest' show no names.",
        "There is no audit of groups of patients.",
        "No person has reviewed cases of this model and signed.",
        "The model card is not complete; it lacks: Intended use",
    ):
        assert sentence in caught.value.what
    decisions.add(bench.cohort_dir("chest"), "sign", "sheet", ["5hee7"], reason="no names seen", who="Dr Park")
    run = make_run(bench, "audit", "groups", {"model": "reader"})
    (run.path / "audit.json").write_text(json.dumps(audit_of("reader")))
    assert call(bench, "signoff", model="reader", read="subgroups", who="Dr Park").made["kind"] == "acknowledgement"
    call(bench, "signoff", model="reader", queue="first", role="radiologist", who="Dr Lee")
    card = tmp_path / "card.yaml"
    card.write_text("intended_use: research\nnot_for: diagnosis\nlabelled_by: a radiologist\nlicence: none\n")
    assert call(bench, "export", model="reader", card=card, who="Dr Lee").missing == [
        "The model card is not complete; it lacks: Contact."
    ]
    done = call(bench, "export", model="reader", alias="approved", fields={"contact": "office"}, who="Dr Lee")
    assert (done.missing, done.registered, done.version, done.alias) == ([], "chest-classifier", "1", "approved")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(bench.mlflow_uri, bench.mlflow_uri)
    assert str(client.get_model_version_by_alias("chest-classifier", "approved").version) == "1"
    files = Path(client.get_model_version_download_uri("chest-classifier", "1").removeprefix("file://"))
    assert (files / "MLmodel").is_file() and (files / "artifacts" / "classifier.safetensors").is_file()
    assert call(bench, "export", model="reader", alias="retired", who="Dr Lee").version == "1"
    aliases = client.get_registered_model("chest-classifier").aliases
    assert {name: str(version) for name, version in aliases.items()} == {"retired": "1"}
    assert client.get_model_version("chest-classifier", "1").tags["state"] == "retired"
    checked = call(bench, "signoff", verify=True, kept=[done.head])
    assert checked.broken == [] and checked.exit_code == 0
    assert call(bench, "signoff", verify=True, kept=["f" * 64]).exit_code == 1


def test_an_export_by_force_says_so_in_the_folder_and_the_chain(bench: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InputError, match="cannot have this yet"):
        call(bench, "export", model="reader", out=out, formats=["safetensors"])
    assert not out.exists()
    done = call(
        bench, "export", model="reader", out=out, formats=["safetensors"], force_reason="phantoms only", who="A"
    )
    told = json.loads((out / "export.json").read_text())
    assert told["override"] == {"record": done.override, "reason": "phantoms only"} and told["who"] == "A"
    assert [c["name"] for c in told["conditions"] if not c["met"]] == ["privacy", "subgroups", "review", "card"]
    assert [r["kind"] for r in call(bench, "signoff", model="reader").about] == ["override", "export"]
    with pytest.raises(InputError, match="holds something already"):
        call(bench, "export", model="reader", out=out, force_reason="again")
    with pytest.raises(InputError, match="no format 'pickle'"):
        call(bench, "export", model="reader", out=tmp_path / "x", formats=["pickle"], force_reason="again")
    with pytest.raises(InputError, match="nothing to force"):
        call(bench, "export", model="reader", force_reason="again")


def test_verdicts_become_labels_and_a_table(bench: Workspace, tmp_path: Path) -> None:
    call(bench, "review", model="reader", count=6, name="first")
    answer_all(bench, tmp_path, "first")
    done = call(bench, "review", queue="first", new_labels=True, out=tmp_path / "verdicts.csv")
    assert done.labels == "v2" and sum(done.label_counts.values()) == 6
    assert len(pd.read_csv(tmp_path / "verdicts.csv")) == 6
    assert any("cases by chance only" in line for line in done.told)


def test_what_does_not_fit_is_told(bench: Workspace) -> None:
    with pytest.raises(InputError, match="There is no classifier 'nobody'.*Known: reader"):
        call(bench, "review", model="nobody")
    with pytest.raises(InputError, match="Name a queue, or a model"):
        call(bench, "review", model="reader", queue="first")
    with pytest.raises(InputError, match="no review queue 'first'"):
        call(bench, "review", queue="first")
    with pytest.raises(InputError, match="No model is named"):
        call(bench, "signoff")
    with pytest.raises(InputError, match="no subgroup audit of 'reader'"):
        call(bench, "signoff", model="reader", read="subgroups")
