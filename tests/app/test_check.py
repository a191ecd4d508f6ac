"""The page Check: findings, decisions that can be undone, the contact sheet and its signature."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from workbench.cohort import decisions
from workbench.cohort.cohort import Cohort
from workbench.runs.jobs import JobQueue
from workbench.runs.workspace import Workspace

Screen = Callable[..., AppTest]


def words(page: AppTest) -> str:
    shown = [*page.markdown, *page.caption, *page.info, *page.success, *page.warning, *page.error]
    return "\n".join(str(element.value) for element in shown).replace("\\", "")


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def test_without_images(screen: Screen, workspace: Workspace) -> None:
    assert "Add images first" in words(screen("check"))


def test_findings_stand_by_how_grave_they_are(screen: Screen, furnished: Workspace) -> None:
    told = words(screen("check", cohort=furnished.cohorts()[0]))
    places = [told.index(title) for title in ("Names in the picture?", "Needs a decision", "Worth a look")]
    assert places == sorted(places)
    assert "files: " in told and "patients" in told
    assert "Version of the collection: " in told


def test_a_decision_is_written_down_and_can_be_undone(screen: Screen, workspace: Workspace) -> None:
    name = "example"
    folder = workspace.cohort_dir(name)
    shutil.copytree(Path(__file__).resolve().parents[2] / "data_manifests" / name, folder)
    page = screen("check", cohort=name)
    before = int(Cohort.open(folder).usable().sum())
    next(b for b in page.button if b.label == "Exclude" and "size_outlier" in str(b.key)).click().run()
    (made,) = decisions.acts(folder)
    out = sum(word == "exclude" for word, _, _ in made.lines)
    assert out and int(Cohort.open(folder).usable().sum()) == before - out
    assert "Decided: Exclude, by" in words(page)
    press(page, "Undo")
    assert int(Cohort.open(folder).usable().sum()) == before
    assert decisions.acts(folder)[0].undone


def test_the_contact_sheet_is_made_and_signed_by_a_person(screen: Screen, furnished: Workspace) -> None:
    name = furnished.cohorts()[0]
    page = screen("check", cohort=name)
    press(page, "Make the contact sheet")
    assert "Contact sheet " in words(page)
    press(page, "No names seen: sign")
    assert "somebody looked" in words(screen("check", cohort=name))
    assert any(scope == "sheet" for act in decisions.acts(furnished.cohort_dir(name)) for _, scope, _ in act.lines)


def test_look_alikes_are_compared_by_a_job(screen: Screen, furnished: Workspace) -> None:
    page = screen("check", cohort=furnished.cohorts()[0])
    assert "look alike at first sight" in words(page) and "workbench decide" not in words(page)
    press(page, "Compare them now")
    (job,) = [job for job in JobQueue(furnished).open_jobs() if job.verb == "decide"]
    assert job.settings == {"cohort": furnished.cohorts()[0], "action": "check"}
