from __future__ import annotations

from pathlib import Path

from app.folder_sample import FolderSample, look_inside
from tests.app.fabricated import make_scans
from workbench.runs.jobs import JobQueue


def texts(page) -> str:
    blocks = (page.markdown, page.caption, page.info, page.warning, page.error, page.success)
    return "\n".join(item.value for block in blocks for item in block)


def button(page, label: str):
    return next(button for button in page.button if button.label == label)


def test_an_empty_workspace_says_what_to_do(workspace, screen) -> None:
    assert "Point us at a folder that holds DICOM files" in texts(screen("add_images", view="What came in"))


def test_a_folder_is_looked_into_and_read_as_a_job(workspace, screen) -> None:
    make_scans(workspace.root / "scans", patients=6)
    page = screen("add_images")
    assert page.segmented_control(key="view").value == "Bring in"
    page.text_input(key="folder_typed").set_value("scans/dicom").run()
    button(page, "Look inside").click().run()
    assert "11 files" in texts(page) and "9 are DICOM pictures of 6 patients" in texts(page)
    assert "100 % X\\-ray \\(DX\\)" in texts(page)
    names = {box.label: box for box in page.text_input}
    names["Name of the collection (cohort)"].set_value("ward-4").run()
    button(page, "Start reading").click().run()
    job = JobQueue(workspace).jobs()[0]
    assert job.settings == {"sources": [str(workspace.root / "scans" / "dicom")], "cohort": "ward-4"}
    assert "Waiting for its turn" in texts(page)


def test_a_path_outside_the_roots_is_refused(workspace, screen) -> None:
    page = screen("add_images")
    page.text_input(key="folder_typed").set_value("/etc").run()
    assert "outside the folders that the app may show" in texts(page)
    assert not any(item.label == "Start reading" for item in page.button)


def test_one_steps_into_folders_and_up_again(workspace, screen) -> None:
    (workspace.root / "a" / "b").mkdir(parents=True)
    page = screen("add_images")
    box = next(box for box in page.selectbox if box.label.startswith("Folders inside"))
    assert box.options == ["a"]
    box.set_value(workspace.root / "a").run()
    assert page.text_input(key="folder_typed").value == str(workspace.root / "a")
    button(page, "Up").click().run()
    assert page.text_input(key="folder_typed").value == str(workspace.root)
    assert button(page, "Up").disabled


def test_figures_add_up_and_say_why_files_were_kept_aside(furnished, screen) -> None:
    page = screen("add_images")
    assert page.segmented_control(key="view").value == "What came in"
    figures = {metric.label: metric.value for metric in page.metric}
    assert (figures["Pictures"], figures["Exams"], figures["Patients"]) == ("60", "40", "40")
    assert "62 files seen = 60 used + 2 kept aside." in texts(page)
    table = page.dataframe[0].value
    assert dict(zip(table["Code"], table["Files"], strict=True)) == {"image": 60, "not_dicom": 1, "truncated": 1}


def test_a_look_inside_tells_what_is_no_dicom(tmp_path: Path) -> None:
    assert look_inside(tmp_path).sentences() == ["This folder holds no files."]
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"\xff\xd8 not a scan")
    found = look_inside(tmp_path)
    assert (found.files, found.dicom, found.promising) == (3, 0, False)
    assert "3 PNG or JPEG pictures" in found.sentences()[-1]
    (tmp_path / "a.zip").write_bytes(b"PK")
    assert look_inside(tmp_path).promising
    assert "There are at least 5 files in it." in FolderSample(files=5, complete=False, looked_at=1).sentences()


def test_a_look_inside_a_large_folder_ends_in_time(tmp_path: Path) -> None:
    for number in range(500):
        (tmp_path / f"{number}.bin").write_bytes(b"x")
    found = look_inside(tmp_path, opened=50)
    assert (found.files, found.complete) == (500, True)
    assert found.looked_at == 50
    assert not look_inside(tmp_path, limit_s=0.0).complete
