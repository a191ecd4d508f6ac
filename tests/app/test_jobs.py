from __future__ import annotations

import time

from app.components.engineer_details import command_line
from app.components.frame import escape
from workbench.runs.jobs import JobQueue
from workbench.runs.status import RunStatus


def texts(page) -> str:
    blocks = (page.markdown, page.caption, page.info, page.warning, page.error, page.success)
    return "\n".join(item.value for block in blocks for item in block).replace("\\", "")


def button(page, label: str):
    return next(button for button in page.button if button.label == label)


def ended(queue: JobQueue, verb: str, state: str, message: str = "", **settings):
    """A job that has ended in a state."""
    queue.submit(verb, settings, nonce=str(time.time()))
    job = queue.claim("main", "tester")
    assert job is not None
    queue.started(job, 2**22 - 3, 1.0)
    queue.folder(job).mkdir(parents=True)
    (queue.folder(job) / "settings.yaml").write_text("a: 1\n")
    RunStatus(state=state, message=message, heartbeat=time.time(), ended=time.time()).write(queue.folder(job))
    queue.release(job)
    return job


def test_an_empty_queue_says_what_will_be_there(workspace, screen) -> None:
    page = screen("jobs")
    assert "No jobs yet." in texts(page)
    assert "No worker is running" in texts(page)


def test_waiting_jobs_know_their_place_and_can_be_taken_out(workspace, screen) -> None:
    queue = JobQueue(workspace)
    for name in "abc":
        queue.submit("study", {"name": name}, nonce=name)
    page = screen("jobs")
    shown = texts(page)
    assert "It is next." in shown and "1 job before it." in shown and "2 jobs before it." in shown
    taken = next(item for item in page.button if item.label == "Take out")
    taken.click().run()
    states = [queue.state(job).state for job in queue.jobs()]
    assert sorted(states) == ["queued", "queued", "stopped"]


def test_ended_jobs_are_listed_with_how_they_ended(workspace, screen) -> None:
    queue = JobQueue(workspace)
    ended(queue, "index", "finished", cohort="chest")
    ended(queue, "pretrain", "failed", "The disk is full.", name="night")
    table = screen("jobs").dataframe[0].value
    assert list(table["How it ended"]) == ["Failed", "Done"]
    assert list(table["Name"]) == ["night", "chest"]
    assert list(table["Message"]) == ["The disk is full.", ""]


def test_a_failed_job_shows_why_and_can_be_resumed_under_its_name(workspace, screen) -> None:
    queue = JobQueue(workspace)
    job = ended(queue, "study", "failed", "The disk is full.", name="answer", cohort="chest")
    page = screen("jobs", job=job.id)
    assert "The disk is full." in texts(page) and "What was saved before the failure is kept." in texts(page)
    button(page, "Resume").click().run()
    again = queue.jobs()[0]
    assert (again.run_id, again.settings) == ("answer", job.settings) and again.id != job.id


def test_a_finetuning_is_resumed_by_its_run(workspace, screen) -> None:
    queue = JobQueue(workspace)
    job = ended(queue, "finetune", "stopped", name="reader", cohort="chest")
    button(screen("jobs", job=job.id), "Resume").click().run()
    assert queue.jobs()[0].settings == {"resume": "reader"}


def test_the_command_that_does_the_same_reads_back_as_the_same(workspace) -> None:
    import shlex

    from workbench.cli import parse
    from workbench.config import load_settings
    from workbench.study.settings import StudySettings
    from workbench.verbs import VERBS

    settings = {
        "cohort": "chest", "arms": {"my arm": {"encoder": "night"}, "b": {"features": "/a b/f.npz"}}, "seed": 3,
        "budgets": [10, "all"], "name": "it's", "labels": "",
    }  # fmt: skip
    words = shlex.split(command_line("study", settings))
    assert words[:2] == ["workbench", "study"]
    flags, root, _, values, overrides = parse(VERBS["study"], words[2:])
    assert root == str(workspace.root) and not values and not flags
    assert load_settings(StudySettings, overrides=overrides) == load_settings(StudySettings, values=settings)


def test_escaped_text_holds_no_markup() -> None:
    assert escape("<b>*x*</b>") == "\\<b\\>\\*x\\*\\</b\\>"
    assert escape("a\nb") == "a  \nb"


def test_a_card_drawn_while_its_job_waited_follows_it(workspace, monkeypatch) -> None:
    """What refreshes a card by itself must not look at the row as it was when the page was drawn."""
    import streamlit as st

    from app.components import job_card as module

    drawn: list[str] = []
    cards: list = []
    monkeypatch.setattr(module, "draw", lambda job, state: drawn.append(state.state))
    monkeypatch.setattr(module, "engineer_details", lambda *args, **more: None)
    monkeypatch.setattr(st, "fragment", lambda **more: lambda body: cards.append(body) or body)
    jobs = JobQueue(workspace)
    job = jobs.submit("index", {"cohort": "chest", "sources": ["x"]}, nonce="1")
    module.job_card(job)
    assert jobs.claim(job.lane, "tester") is not None
    monkeypatch.setattr(st, "rerun", lambda: drawn.append("drawn anew"))
    cards[0]()
    assert drawn[0] == "queued" and "drawn anew" in drawn
