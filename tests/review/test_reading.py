from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.review.making import audit_of, make_cohort, make_model, open_one, read_all
from workbench.errors import InputError, OperationFailed
from workbench.review import agreement, sign_off
from workbench.review.acknowledgement import acknowledge, latest_audit
from workbench.review.queue import CASES, Queue, open_queue
from workbench.review.reading import claim, first_read, model_answer, reads, verdict, verdicts, waiting
from workbench.review.record_chain import records, verify
from workbench.runs.workspace import Workspace


@pytest.fixture
def bench(tmp_path: Path) -> tuple[Workspace, Queue]:
    workspace = Workspace(tmp_path)
    cohort = make_cohort(workspace)
    return workspace, open_one(workspace, make_model(workspace), cohort)


def test_a_queue_is_read_again_as_it_was_made(bench) -> None:
    workspace, queue = bench
    again = open_queue(workspace, "batch")
    assert again.cases.equals(queue.cases) and again.options == ["no", "yes"]
    assert again.answers == ["no", "yes", "cannot tell", "bad picture"]
    file = workspace.runs_dir / "review" / "batch" / CASES
    queue.cases.assign(answer="yes").to_parquet(file)
    with pytest.raises(OperationFailed, match="changed after it was opened"):
        open_queue(workspace, "batch")
    with pytest.raises(InputError, match="no review queue 'other'.*Known: batch"):
        open_queue(workspace, "other")


def test_the_models_answer_comes_after_the_readers_own(bench) -> None:
    workspace, queue = bench
    scan = queue.cases["scan_id"][0]
    with pytest.raises(InputError, match="shown after your own"):
        model_answer(workspace, queue, scan, who="Dr Lee")
    with pytest.raises(InputError, match="comes after a first answer"):
        verdict(workspace, queue, scan, "no", who="Dr Lee")
    first_read(workspace, queue, scan, "no", who="Dr Lee", seconds=4.26)
    said = model_answer(workspace, queue, scan, who="Dr Lee")
    assert said.answer == queue.cases["answer"][0] and sum(said.probabilities.values()) == pytest.approx(1)
    with pytest.raises(InputError, match="shown after your own"):
        model_answer(workspace, queue, scan, who="Dr Kim")
    assert reads(workspace, queue)[0].content["seconds"] == 4.3


def test_a_first_answer_is_given_once_however_often_it_is_clicked(bench) -> None:
    workspace, queue = bench
    scan = queue.cases["scan_id"][0]
    record = first_read(workspace, queue, scan, "no", who="Dr Lee")
    assert first_read(workspace, queue, scan, "no", who=" Dr  Lee ").number == record.number
    with pytest.raises(InputError, match="recorded already.*first answer 'no'"):
        first_read(workspace, queue, scan, "yes", who="Dr Lee")
    with pytest.raises(InputError, match="'maybe' is no answer"):
        first_read(workspace, queue, scan, "maybe", who="Dr Lee")
    with pytest.raises(InputError, match="is not in the queue"):
        first_read(workspace, queue, "elsewhere", "no", who="Dr Lee")


def test_a_correction_adds_a_record_and_the_latest_counts(bench) -> None:
    workspace, queue = bench
    scan = queue.cases["scan_id"][0]
    first_read(workspace, queue, scan, "no", who="Dr Lee")
    for final in ("no", "no", "yes"):
        verdict(workspace, queue, scan, final, who="Dr Lee")
    made = records(workspace, kind="verdict")
    assert [(r.content["final"], r.content["changed"], r.content["corrects"]) for r in made] == [
        ("no", False, False), ("yes", True, True),
    ]  # fmt: skip
    assert [r.content["final"] for r in verdicts(workspace, queue)] == ["yes"]
    assert waiting(workspace, queue) == list(queue.cases["scan_id"][1:])
    with pytest.raises(InputError, match="naming a patient"):
        verdict(workspace, queue, scan, "no", who="Dr Lee", note="Doe^Jane, born 1961-02-03")


def test_a_case_is_kept_for_ten_minutes(bench) -> None:
    workspace, queue = bench
    scan = queue.cases["scan_id"][0]
    assert claim(workspace, queue, scan, who="A", now=1000) == "A"
    assert claim(workspace, queue, scan, who="B", now=1500) == "A"
    assert claim(workspace, queue, scan, who="A", now=1500) == "A"
    assert claim(workspace, queue, scan, who="B", now=2101) == "B"


def test_who_leans_on_the_model_is_counted(bench) -> None:
    workspace, queue = bench
    for number, case in enumerate(queue.cases.itertuples()):
        other = "yes" if case.answer == "no" else "no"
        first = other if number < 4 else case.answer
        final = case.answer if number < 3 or number > 4 else other
        first_read(workspace, queue, case.scan_id, first, who="Dr Lee", seconds=10 + number)
        verdict(workspace, queue, case.scan_id, final, who="Dr Lee")
    found = agreement.summarise(queue, reads(workspace, queue), verdicts(workspace, queue))
    assert found["changed"] == {"differed": 4, "to_model": 3, "agreed": 6, "from_model": 1}
    assert (found["done"], found["readers"], found["median_seconds"]) == (10, ["Dr Lee"], 14.5)
    assert "readers took it over in 3 of 4 cases" in " ".join(agreement.in_words(found))
    assert agreement.kappa(["a", "a", "b", "b"], ["a", "b", "b", "b"]) == 0.5
    assert agreement.kappa([], []) is None and agreement.kappa(["a"], ["a"]) is None


def test_signing_needs_every_case_a_reader_and_a_role(bench) -> None:
    workspace, queue = bench
    assert sign_off.standing(workspace, queue.model).why == "No person has reviewed cases of this model and signed."
    with pytest.raises(InputError, match="10 of 10 cases of 'batch' have no verdict"):
        sign_off.sign(workspace, queue, who="Dr Lee", role="radiologist")
    read_all(workspace, queue)
    with pytest.raises(InputError, match="read none of these cases"):
        sign_off.sign(workspace, queue, who="Dr Kim", role="radiologist")
    with pytest.raises(InputError, match="names the signer's role"):
        sign_off.sign(workspace, queue, who="Dr Lee", role=" ")
    record = sign_off.sign(workspace, queue, who="Dr Lee", role="radiologist")
    assert record.content["rows"] == 10 and sign_off.standing(workspace, queue.model).agrees
    verdict(workspace, queue, queue.cases["scan_id"][0], "cannot tell", who="Dr Lee")
    assert sign_off.standing(workspace, queue.model).why == "Verdicts changed after Dr Lee had signed them."
    sign_off.sign(workspace, queue, who="Dr Lee", role="radiologist", meaning=sign_off.DISAGREE)
    assert "does not agree" in sign_off.standing(workspace, queue.model).why
    assert verify(workspace).broken == ()


def test_an_audit_that_was_made_again_is_unread(bench) -> None:
    from tests.app.fabricated import make_run

    workspace, _ = bench
    model = make_model(workspace, "other", weights_sha256="cd" * 32)
    with pytest.raises(InputError, match="no subgroup audit of 'other'"):
        acknowledge(workspace, model, who="Dr Lee")
    run = make_run(workspace, "audit", "a1", {"model": "other"})
    (run.path / "audit.json").write_text(json.dumps(audit_of("other")))
    assert latest_audit(workspace, model).read is None  # pyright: ignore[reportOptionalMemberAccess]
    assert latest_audit(workspace, make_model(workspace)) is None
    acknowledge(workspace, model, who="Dr Lee")
    assert latest_audit(workspace, model).read.who == "Dr Lee"  # pyright: ignore[reportOptionalMemberAccess]
    (run.path / "audit.json").write_text(json.dumps({**audit_of("other"), "warnings": []}))
    assert latest_audit(workspace, model).read is None  # pyright: ignore[reportOptionalMemberAccess]
    os.utime(run.path / "audit.json", (1, 1))
    assert latest_audit(workspace, model) is None  # older than the weights, so of others
