from __future__ import annotations

from app.journey import next_step, steps
from tests.app.fabricated import make_run
from workbench.runs.jobs import JobQueue


def texts(page) -> str:
    return "\n".join([*(item.value for item in page.markdown), *(item.value for item in page.caption)])


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


def test_steps_follow_what_is_there(furnished, screen) -> None:
    states = [step.state for step in steps()]
    assert states == ["done", "done", "done", "waiting for you", "waiting for you"]
    assert next_step(steps()).title.startswith("Teach")
    assert "60 pictures in 1 collection." in texts(screen("home"))
    make_run(furnished, "study", "answer", {"cohort": "chest"})
    assert [step.state for step in steps()][3:] == ["done", "done"]


def test_a_finding_that_needs_a_decision_waits(furnished) -> None:
    import json

    file = furnished.cohort_dir("chest") / "intake.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "decisions_needed": 2}))
    step = steps()[1]
    assert (step.state, step.sentence) == ("waiting for you", "2 findings want a look from you.")


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
