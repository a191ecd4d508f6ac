from __future__ import annotations

import time

import pandas as pd
import pytest

from app.components.learning_curve import collapse_sentence, latest_meter, loss_chart, loss_words, meter_words
from app.presets import measured_rate, time_words
from app.runs_view import open_run, runs_of
from tests.app.fabricated import make_pretraining, make_run
from workbench.runs.jobs import JobQueue
from workbench.runs.status import RunStatus


def texts(page) -> str:
    blocks = (page.markdown, page.caption, page.info, page.warning, page.error, page.success)
    return "\n".join(item.value for block in blocks for item in block)


def button(page, label: str):
    return next(button for button in page.button if button.label == label)


def test_without_images_it_sends_to_them(workspace, screen) -> None:
    assert "First add images" in texts(screen("learn"))


def test_start_asks_for_the_job_that_the_form_shows(furnished, screen) -> None:
    page = screen("learn")
    assert "pictures of the patients set aside for testing are left out" in texts(page)
    page.radio(key="method").set_value("mae").run()
    page.radio(key="preset").set_value("Overnight").run()
    next(box for box in page.text_input if box.label == "Name").set_value("my first run").run()
    button(page, "Start learning").click().run()
    job = JobQueue(furnished).jobs()[0]
    assert job.settings == {
        "method": "mae", "cohort": "chest", "size": 64, "encoder": "vit_tiny", "epochs": 100, "batch_size": 128,
        "seed": 0, "name": "my-first-run",
    }  # fmt: skip
    assert (job.verb, job.run_id) == ("pretrain", "my-first-run")


def test_settings_are_those_of_the_verb(furnished, screen) -> None:
    from workbench.config import load_settings
    from workbench.verbs.pretrain import PretrainSettings

    page = screen("learn")
    button(page, "Start learning").click().run()
    settings = load_settings(PretrainSettings, values=JobQueue(furnished).jobs()[0].settings)
    assert (settings.method, settings.encoder, settings.epochs) == ("simclr", "resnet18", 20)


def running(workspace, screen, **facts):
    """A job at work in this very process, with a run that has come some way."""
    import os

    import psutil

    queue = JobQueue(workspace)
    queue.submit("pretrain", {"name": "night", "cohort": "chest"}, nonce="1")
    job = queue.claim("main", "tester")
    assert job is not None
    me = psutil.Process()
    queue.started(job, os.getpid(), me.create_time())
    status = {
        "state": "running", "step": 430, "total": 1000, "unit": "scans", "throughput": 21.4, "time_left_s": 1500.0,
        "ended": None, "pid": os.getpid(), "process_started": me.create_time(), "numbers": {"epoch": "9/20"}, **facts,
    }  # fmt: skip
    make_pretraining(workspace, "night", epochs=8, planned=20, **status)
    return queue.get(job.id), screen("learn", job=job.id)


def test_a_job_at_work_shows_progress_rate_and_time_left(furnished, screen) -> None:
    job, page = running(furnished, screen)
    shown = texts(page)
    assert "Running · Learning without labels: night" in shown
    assert "Neighbours agree" in shown and "rising" in shown
    assert button(page, "Stop and keep")
    button(page, "Stop and keep").click().run()
    assert JobQueue(furnished).get(job.id).stop_requested is not None
    assert (JobQueue(furnished).folder(job) / "stop").exists()


def test_progress_in_one_line(furnished, screen, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.components.job_card import progress_sentence

    job, _ = running(furnished, screen)
    sentence = progress_sentence(JobQueue(furnished).state(job))
    assert sentence.startswith(
        "Pass 9 of 20 over the pictures · 21 pictures per second · about 25 min left, ready near "
    )
    early = RunStatus(state="running", step=1, total=1000, started=time.time(), heartbeat=time.time(), time_left_s=9e5)
    from workbench.runs.jobs import JobState

    assert progress_sentence(JobState("running", status=early)).endswith("time left: being estimated")


def test_a_reload_shows_the_same_job_and_asks_for_no_other(furnished, screen) -> None:
    job, _ = running(furnished, screen)
    for _ in range(3):
        page = screen("learn", job=job.id)
        assert "Running · Learning without labels: night" in texts(page)
    assert len(JobQueue(furnished).jobs()) == 1


def test_a_stopped_run_is_resumed_where_it_is(furnished, screen) -> None:
    page = screen("learn", view="Earlier runs", run="halfway")
    assert "Saved after pass 5." in "\n".join([texts(page), *(item.value for item in page.text)])
    button(page, "Resume").click().run()
    job = JobQueue(furnished).jobs()[0]
    assert (job.settings, job.run_id) == ({"resume": "halfway"}, "halfway")


def test_a_lost_job_says_so_and_offers_to_resume(furnished, screen) -> None:
    queue = JobQueue(furnished)
    queue.submit("pretrain", {"name": "gone", "cohort": "chest"}, nonce="1")
    job = queue.claim("main", "tester")
    assert job is not None
    queue.started(job, 2**22 - 3, 1.0)
    make_run(furnished, "pretrain", "gone", {"cohort": "chest"}, state="running", pid=2**22 - 3, process_started=1.0)
    page = screen("learn", job=job.id)
    assert "We have not heard from this job" in texts(page)
    assert button(page, "Resume")


def test_earlier_runs_are_listed(furnished, screen) -> None:
    table = screen("learn", view="Earlier runs").dataframe[0].value
    assert dict(zip(table["Name"], table["State"], strict=True)) == {"halfway": "Stopped", "overnight": "Done"}
    assert set(table["Passes"]) == {"5 of 20", "12 of 12"}


def test_collapse_is_said_in_words(workspace, screen) -> None:
    run = make_pretraining(workspace, "bad", epochs=3, planned=9, state="running")
    assert collapse_sentence(open_run(run.path)) == ""
    (run.path / "log.txt").write_text("2026-11-22 10:00:00 Features are collapsing: stop and try a lower rate.\n")
    assert collapse_sentence(open_run(run.path)) == "Features are collapsing: stop and try a lower rate."
    with (run.path / "log.txt").open("a") as log:
        log.write("2026-11-22 10:09:00 No longer collapsing. Features are spread.\n")
    assert collapse_sentence(open_run(run.path)) == ""
    assert latest_meter(open_run(make_run(workspace, "pretrain", "new", {}).path)) == "–"


def test_curves_in_words_and_thinned() -> None:
    table = pd.DataFrame({"epoch": range(1, 2001), "loss": [5 - n / 1000 for n in range(1, 2001)]})
    assert loss_words(table) == "Loss from 4.999 after pass 1 to 3.000 after 2000."
    drawn = loss_chart(table).data
    assert len(drawn) <= 501 and drawn["epoch"].iloc[-1] == 2000
    table["knn_auc"] = [None] * 1999 + [0.7]
    assert meter_words(table).endswith("0.70.")
    table.loc[0, "knn_auc"] = 0.8
    assert meter_words(table).endswith("0.80 → 0.70, falling.")


def test_time_is_judged_by_an_earlier_run_of_the_same_kind(furnished) -> None:
    assert measured_rate("simclr", "resnet18", 64) == 181.0
    assert measured_rate("simclr", "resnet50", 64) is None
    assert time_words(100, 18_100, 181.0).startswith("Time on this computer: about 3 h")
    assert "no earlier run" in time_words(100, 100, None)


def test_a_run_folder_without_settings_is_still_listed(workspace) -> None:
    run = make_run(workspace, "pretrain", "odd", {})
    (run.path / "settings.yaml").write_text("a: [")
    (workspace.runs_dir / "pretrain" / "broken").mkdir()
    (workspace.runs_dir / "pretrain" / "broken" / "status.json").write_text("{")
    assert [(run.run_id, run.settings) for run in runs_of("pretrain")] == [("odd", {})]
