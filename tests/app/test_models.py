from __future__ import annotations

import getpass
import json

from tests.app.fabricated import make_run
from tests.app.reviewing import make_review
from tests.app.test_teach import button, texts
from tests.review.making import audit_of
from workbench.config import load_settings
from workbench.release.model_card import written_by_people
from workbench.review.acknowledgement import latest_audit
from workbench.review.record_chain import append, records
from workbench.review.reviewed_model import find_model
from workbench.runs.jobs import JobQueue

ME = getpass.getuser()
MODEL = "reader (classifier)"


def disabled(page) -> dict[str, bool]:
    return {item.label: item.disabled for item in page.button}


def test_without_models_it_says_what_to_do(workspace, screen) -> None:
    assert "No models yet." in texts(screen("models"))


def test_what_is_missing_is_said_one_by_one(furnished, screen) -> None:
    make_review(furnished)
    page = screen("models", model=MODEL)
    shown = texts(page)
    assert "4 of 5 things are missing before this model may be used" in shown
    for sentence in (
        "Nobody has signed that the pictures of 'chest' show no names.",
        "There is no audit of groups of patients.",
        "No person has reviewed cases of this model and signed.",
        "The model card is not complete; it lacks: Intended use, Not for",
    ):
        assert sentence in shown, sentence
    assert page.dataframe[0].value["State"].tolist() == ["Not registered"]
    assert any("workbench export model=reader" in item.value for item in page.code)


def test_the_audit_is_asked_for_with_settings_that_the_verb_takes(furnished, screen) -> None:
    from workbench.verbs.audit import AuditSettings

    make_review(furnished)
    button(screen("models", model=MODEL), "Make the audit").click().run()
    job = JobQueue(furnished).jobs()[0]
    assert job.verb == "audit" and load_settings(AuditSettings, values=job.settings).source == "reader"


def test_the_audit_is_read_with_one_button(furnished, screen) -> None:
    make_review(furnished)
    run = make_run(furnished, "audit", "groups", {"model": "reader"})
    (run.path / "audit.json").write_text(json.dumps(audit_of("reader")))
    page = screen("models", model=MODEL)
    assert "Nobody has read the audit" in texts(page)
    button(page, f"I have read it ({ME})").click().run()
    audit = latest_audit(furnished, find_model("reader", furnished))
    assert audit is not None and audit.read is not None and audit.read.who == ME
    assert f"Read by {ME}" in texts(page)


def test_the_card_is_filled_in_and_kept(furnished, screen) -> None:
    make_review(furnished)
    model = find_model("reader", furnished)
    page = screen("models", model=MODEL, view="Card")
    area = next(item for item in page.text_area if item.label == "Licence")
    area.set_value("None <script>alert(1)</script>")
    button(page, "Save").click().run()
    assert written_by_people(furnished, model) == {"licence": "None <script>alert(1)</script>"}
    again = screen("models", model=MODEL, view="Card")
    body = "".join(item.proto.body for item in again.get("html"))
    assert "&lt;script&gt;" in body and "<script>" not in body


def test_release_is_closed_until_a_reason_is_given(furnished, screen) -> None:
    from workbench.verbs.export import ExportSettings

    make_review(furnished)
    page = screen("models", model=MODEL, view="Release")
    shut = disabled(page)
    assert shut["Export"] and shut["Approve"] and not shut["Call it candidate"] and not shut["Retire"]
    page.text_input(key="reason").set_value("phantoms only").run()
    assert not disabled(page)["Export"]
    button(page, "Export").click().run()
    job = JobQueue(furnished).jobs()[0]
    settings = load_settings(ExportSettings, values=job.settings)
    assert (settings.force_reason, settings.who) == ("phantoms only", ME)
    assert settings.out == furnished.root / "exports" / "reader"
    assert records(furnished, kind="override") == []


def test_what_was_said_of_it_is_shown(furnished, screen) -> None:
    make_review(furnished)
    model = find_model("reader", furnished)
    content = {"name": "chest-classifier", "version": "3", "alias": "approved", "run": "reader", "override": 7}
    append(furnished, "alias", model.digest, content, who="Dr Lee", at="2026-03-05T10:00:00.000+00:00")
    shown = texts(screen("models", model=MODEL, view="Release"))
    assert "**Approved**: chest-classifier version 3, said by Dr Lee on 05 Mar 2026" in shown
    assert "although something was missing (record 7)" in shown
