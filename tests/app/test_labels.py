"""The page Labels: a question is asked, answered by click, published; what the test set can show is said before."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from workbench.cohort.cohort import Cohort
from workbench.cohort.labels import versions
from workbench.review.labelling import labellings, open_labelling, standing
from workbench.runs.workspace import Workspace

Screen = Callable[..., AppTest]


def words(page: AppTest) -> str:
    shown = [*page.markdown, *page.caption, *page.info, *page.success, *page.warning, *page.error]
    return "\n".join(str(element.value) for element in shown)


def started(screen: Screen, workspace: Workspace) -> tuple[AppTest, str]:
    """The page with a question that has just been opened."""
    cohort = workspace.cohorts()[0]
    page = screen("labels", cohort=cohort)
    page.text_input(key="new-question").set_value("Is there a lesion?").run()
    press(page, "Start labelling")
    return page, labellings(workspace, cohort)[-1]


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def test_without_images_the_page_says_what_comes_first(screen: Screen, workspace: Workspace) -> None:
    assert "add images first" in words(screen("labels"))


def test_before_labelling_the_page_says_what_the_test_set_can_show(screen: Screen, furnished: Workspace) -> None:
    page = screen("labels", cohort=furnished.cohorts()[0])
    told = words(page)
    assert "First, the test patients." in told
    assert "two classifiers must differ by" in told
    next(n for n in page.number_input if n.label.startswith("Test patients")).set_value(0).run()
    assert "Without labelled test patients no answer can be tested" in words(page)


def test_answers_are_saved_at_once_and_can_be_taken_back_and_published(screen: Screen, furnished: Workspace) -> None:
    page, name = started(screen, furnished)
    labelling = open_labelling(furnished, name)
    assert "Is there a lesion" in words(page).replace("\\", "")
    assert labelling.cases[0]["reserved"]
    press(page, "yes")
    press(page, "no")
    press(page, "bad picture")
    said = standing(furnished, labelling)
    assert [a.answer for a in said] == ["yes", "no", "bad picture"]
    assert [a.scan_id for a in said] == [case["scan_id"] for case in labelling.cases[:3]]
    press(page, "Take back the last answer")
    assert [a.answer for a in standing(furnished, labelling)] == ["yes", "no"]
    again = screen("labels", cohort=labelling.cohort, question=name)  # a reload: the same case
    assert "Case 3 of" in words(again)
    before = versions(furnished.cohort_dir(labelling.cohort))
    press(again, "Publish as labels")
    (new,) = set(versions(furnished.cohort_dir(labelling.cohort))) - set(before)
    made = Cohort.open(furnished.cohort_dir(labelling.cohort)).labels(new)
    assert made.counts() == {"no": 1, "yes": 1} and f"Labels {new}" in words(again).replace("\\", "")


def test_nonsense_is_told_in_words(screen: Screen, furnished: Workspace) -> None:
    page = screen("labels", cohort=furnished.cohorts()[0])
    page.text_input(key="new-question").set_value("Is it?").run()
    page.text_input(key="new-answers").set_value("yes").run()
    press(page, "Start labelling")
    assert "two to 9 different answers" in words(page)


def test_what_to_label_next_asks_for_a_job(screen: Screen, furnished: Workspace) -> None:
    from workbench.runs.jobs import JobQueue

    page = screen("labels", cohort=furnished.cohorts()[0], view="What to label next")
    press(page, "Propose patients")
    (job,) = [job for job in JobQueue(furnished).open_jobs() if job.verb == "propose"]
    assert job.settings["cohort"] == furnished.cohorts()[0] and job.settings["count"] == 50
