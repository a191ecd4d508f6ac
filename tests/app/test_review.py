from __future__ import annotations

import getpass
import time

from tests.app.reviewing import make_review
from tests.app.test_teach import button, texts
from tests.review.making import make_model
from workbench.config import load_settings
from workbench.review.queue import open_queue, queues
from workbench.review.reading import claim, first_read, verdict, verdicts
from workbench.review.record_chain import records, verify
from workbench.review.sign_off import standing
from workbench.runs.jobs import JobQueue

ME = getpass.getuser()


def labels_of(page) -> list[str]:
    return [item.label for item in page.button]


def test_without_a_model_and_without_a_queue_it_says_what_to_do(workspace, screen) -> None:
    assert "No model yet. Teach one first" in texts(screen("review"))
    assert "Nothing waits for you." in texts(screen("review", view="Read"))


def test_opening_a_queue_submits_settings_that_the_verb_takes(furnished, screen) -> None:
    from workbench.verbs.review import ReviewSettings
    from workbench.verbs.worker import perform

    make_review(furnished)
    page = screen("review", view="Open a queue")
    page.number_input(key="count").set_value(5).run()
    button(page, "Open queue").click().run()
    job = JobQueue(furnished).jobs()[0]
    assert load_settings(ReviewSettings, values=job.settings).count == 5
    claimed = JobQueue(furnished).claim(job.lane, "tester")
    assert claimed is not None and perform(claimed, furnished).state == "finished"
    assert queues(furnished)[-1].content["cases"] == 5
    assert "The queue is open." in texts(screen("review", view="Open a queue", job=job.id))


def test_the_reader_answers_before_the_model_does_and_a_reload_keeps_the_case(furnished, screen) -> None:
    queue = make_review(furnished)
    page = screen("review", queue="batch")
    shown = texts(page)
    assert "Which of: clear, lesion?" in shown and "Case 1 of 4" in shown and "0 of 4 cases read" not in shown
    assert "The model said" not in shown and "In the queue because" not in shown
    button(page, "clear").click().run()
    scan = queue.cases["scan_id"][0]
    assert [r.content["answer"] for r in records(furnished, kind="first read")] == ["clear"]
    again = screen("review", queue="batch", case=scan)
    shown = texts(again)
    assert "The model said **lesion** (0." in shown and "You said **clear**" in shown
    assert "Keep mine: clear" in labels_of(again) and "Change to: lesion" in labels_of(again)
    button(again, "Change to: lesion").click().run()
    said = verdicts(furnished, queue)[0].content
    assert (said["first"], said["final"], said["model"], said["changed"]) == ("clear", "lesion", "lesion", True)
    assert "Case 2 of 4" in texts(again)


def test_a_case_that_somebody_reads_is_told_and_passed_over(furnished, screen) -> None:
    queue = make_review(furnished)
    first = queue.cases["scan_id"][0]
    assert claim(furnished, queue, first, who="Dr Kim") == "Dr Kim"
    assert "Case 2 of 4" in texts(screen("review", queue="batch"))
    assert "Dr Kim is reading this case." in texts(screen("review", queue="batch", case=first))
    for scan in queue.cases["scan_id"]:
        claim(furnished, queue, scan, who="Dr Kim", now=time.time() + 601)
    assert "Other readers have the cases" in texts(screen("review", queue="batch"))


def test_signing_after_the_last_case(furnished, screen) -> None:
    queue = make_review(furnished)
    assert "4 cases must be read before anybody can sign" in texts(
        screen("review", queue="batch", view="Figures and signature")
    )
    for scan in queue.cases["scan_id"]:
        first_read(furnished, queue, scan, "lesion", who=ME)
        verdict(furnished, queue, scan, "lesion", who=ME)
    assert "You have read every case of this queue." in texts(screen("review", queue="batch"))
    page = screen("review", queue="batch", view="Figures and signature")
    page.text_input(key="role").set_value("radiologist").run()
    button(page, f"Sign as {ME}").click().run()
    assert standing(furnished, queue.model).agrees and verify(furnished).broken == ()
    assert f"{ME} (radiologist)" in texts(page) and "reviewed and agree" in texts(page)
    assert "By chance: the verdict is the model's answer in 1 of 1 cases" in texts(page)
    button(page, "Make new labels").click().run()
    assert JobQueue(furnished).jobs()[0].settings == {"queue": "batch", "new_labels": True}


def test_a_queue_that_is_not_blind_shows_the_models_answer_first(furnished, screen) -> None:
    make_review(furnished, blind=False)
    page = screen("review", queue="batch")
    assert "The model said **lesion**" in texts(page) and "clear" in labels_of(page)


def test_changed_cases_are_an_error_in_words(furnished, screen) -> None:
    queue = make_review(furnished)
    queue.cases.assign(answer="clear").to_parquet(furnished.runs_dir / "review" / "batch" / "cases.parquet")
    assert "were changed after it was opened" in texts(screen("review", queue="batch"))


def test_a_name_with_markup_is_text(furnished, screen) -> None:
    make_review(furnished)
    make_model(furnished, "other", classes=["<b>x</b>", "**y**"], weights_sha256="cd" * 32)
    page = screen("models", model="other (classifier)")
    assert "<b>x</b>" not in "\n".join(item.value for item in page.markdown)
    assert open_queue(furnished, "batch").options == ["clear", "lesion"]
