from __future__ import annotations

import json

from app.journey import next_step, steps
from tests.app.fabricated import make_audit, make_run
from tests.review.making import make_model
from workbench.review.acknowledgement import acknowledge
from workbench.review.record_chain import append
from workbench.runs.jobs import JobQueue


def texts(page) -> str:
    """What stands on the page, without the marks that keep names from being markup."""
    shown = [*(item.value for item in page.markdown), *(item.value for item in page.caption)]
    return "\n".join(shown).replace("\\", "")


def test_an_empty_workspace_waits_for_images(workspace, screen) -> None:
    assert [step.state for step in steps()] == [
        "waiting for you",
        "not started",
        "not started",
        "not started",
        "not started",
    ]
    page = screen("home")
    assert [button.label for button in page.button] == ["Add images", "Try sample data"]
    assert "not for diagnosis" in texts(page)


def signed(workspace, **more) -> None:
    """The cohort's contact sheet was signed."""
    file = workspace.cohort_dir("chest") / "intake.json"
    sheet = {"suspects": 0, "signed_by": "A", "signed_when": "2026-01-02"}
    file.write_text(json.dumps({**json.loads(file.read_text()), "contact_sheet": sheet, **more}))


def test_steps_follow_what_is_there(furnished, screen) -> None:
    signed(furnished)
    states = [step.state for step in steps()]
    assert states == ["done", "done", "done", "waiting for you", "waiting for you"]
    assert next_step(steps()).page == "screens/teach.py"
    assert "60 pictures in 1 collection." in texts(screen("home"))
    make_run(furnished, "study", "answer", {"cohort": "chest"})
    assert [step.state for step in steps()][3:] == ["waiting for you", "waiting for you"], "no classifier was taught"


def test_testing_leads_from_page_to_page(furnished, screen) -> None:
    signed(furnished)
    model = make_model(furnished)
    assert [step.state for step in steps()][3:] == ["done", "waiting for you"]
    assert (next_step(steps()).page, next_step(steps()).action) == ("screens/how_many.py", "How many labels?")
    make_run(furnished, "study", "answer", {"cohort": "chest"})
    assert next_step(steps()).page == "screens/groups.py"
    make_audit(furnished)
    assert next_step(steps()).page == "screens/groups.py", "made, but nobody has read it"
    acknowledge(furnished, model, who="A")
    assert next_step(steps()).page == "screens/review.py"
    append(furnished, "signoff", model.digest, {"queue": "batch"}, who="A")
    assert next_step(steps()).page == "screens/models.py"
    append(furnished, "alias", model.digest, {"alias": "candidate"}, who="A")
    assert next_step(steps()).page == "screens/models.py"
    append(furnished, "alias", model.digest, {"alias": "approved"}, who="A")
    assert [step.state for step in steps()] == ["done"] * 5
    assert "4 of 4 done; 1 study finished." in texts(screen("home"))


def test_without_labels_the_next_page_is_labels(furnished) -> None:
    import shutil

    signed(furnished)
    shutil.rmtree(furnished.cohort_dir("chest") / "labels")
    step = next_step(steps())
    assert (step.title, step.page, step.action) == (
        "Teach with your labels (fine-tune)",
        "screens/labels.py",
        "Bring labels",
    )
    assert steps()[4].state == "not started"


def test_a_finding_that_needs_a_decision_waits(furnished) -> None:
    signed(furnished, decisions_needed=2)
    step = steps()[1]
    assert (step.state, step.sentence) == ("waiting for you", "2 findings want a decision from you.")
    assert next_step(steps()).page == "screens/check.py"


def test_a_contact_sheet_that_nobody_signed_waits(furnished) -> None:
    step = steps()[1]
    assert (step.state, step.page) == ("waiting for you", "screens/check.py")
    assert "no names are to be seen in chest" in step.sentence


def test_sample_data_is_asked_for_once(workspace, screen) -> None:
    page = screen("home")
    sample = next(button for button in page.button if button.label == "Try sample data")
    sample.click().run()
    jobs = JobQueue(workspace).jobs()
    assert [job.verb for job in jobs] == ["demo"]
    assert page.query_params["job"] == [jobs[0].id] or page.query_params["job"] == jobs[0].id
    page = screen("home", job=jobs[0].id)
    assert any("Waiting" in item.value for item in page.markdown)
    assert any("No worker is running" in item.value for item in page.warning)
    assert len(JobQueue(workspace).jobs()) == 1
