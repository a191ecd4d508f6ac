from __future__ import annotations

from app.components.classifier_result import opening, rows, sentences
from app.components.label_upload import guess_key, keep_upload
from tests.app.fabricated import make_classifier
from workbench.config import load_settings
from workbench.runs.jobs import JobQueue
from workbench.verbs.label import LabelSettings, label
from workbench.verbs.worker import perform


def texts(page) -> str:
    blocks = (page.markdown, page.caption, page.info, page.warning, page.error, page.success)
    return "\n".join(item.value for block in blocks for item in block).replace("\\", "")


def button(page, label: str):
    return next(button for button in page.button if button.label == label)


def table_of(patients: int, extra: str = "") -> bytes:
    rows = [f"P{number:03d};{'lesion' if number % 3 == 0 else 'clear'}" for number in range(patients)]
    return ("patient;label\n" + "\n".join(rows) + "\n" + extra).encode()


def test_a_table_is_previewed_and_joined_only_when_confirmed(furnished, screen) -> None:
    page = screen("teach", view="1. Labels")
    assert "Labels v1: clear, lesion" in texts(page)
    page.file_uploader[0].upload("mine.csv", table_of(40, "X999;clear\n")).run()
    shown = texts(page)
    assert "40 of 41 rows match, 60 pictures." in shown
    assert "Not in this collection: 1 row (file rows 42)." in shown
    assert "Answers in **label**: clear: 26, lesion: 14." in shown
    queue = JobQueue(furnished)
    assert queue.jobs() == []
    button(page, "Use these labels").click().run()
    job = queue.jobs()[0]
    assert (job.verb, job.lane) == ("label", "quick")
    assert {name: job.settings[name] for name in ("key", "key_column", "column")} == {
        "key": "patient", "key_column": "patient", "column": "label",
    }  # fmt: skip
    upload = furnished.cohort_dir("chest") / "private" / "uploads"
    assert len(list(upload.iterdir())) == 1 and upload.stat().st_mode & 0o777 == 0o700
    claimed = queue.claim("quick", "tester")
    assert claimed is not None
    assert perform(claimed, furnished).state == "finished"
    assert list(upload.iterdir()) == []
    page = screen("teach", view="1. Labels", job=job.id)
    assert "40 of 41 rows joined; 1 did not." in texts(page) and "Labels v2: clear" in texts(page)


def test_a_table_that_does_not_fit_says_so(furnished, screen) -> None:
    page = screen("teach", view="1. Labels")
    page.file_uploader[0].upload("mine.csv", b"patient,label\nQ1,yes\nQ2,no\n").run()
    assert "None of the 2 rows of the label file joins a scan by patient" in texts(page)
    assert not any(item.label == "Use these labels" for item in page.button)


def test_what_is_no_table_says_so(furnished, screen) -> None:
    page = screen("teach", view="1. Labels")
    page.file_uploader[0].upload("mine.csv", b"\x00\x01\x02").run()
    assert "not a text table" in texts(page)


def test_an_uploads_own_name_is_not_used(furnished) -> None:
    file = keep_upload("chest", "../../../etc/passwd.exe", b"a,b\n1,2\n")
    assert file.parent == furnished.cohort_dir("chest") / "private" / "uploads"
    assert file.suffix == ".csv" and file.stat().st_mode & 0o777 == 0o600
    assert keep_upload("chest", "other.csv", b"a,b\n1,2\n") == file


def test_old_uploads_that_were_never_joined_are_removed(furnished, screen) -> None:
    import os
    import time

    old, new = keep_upload("chest", "a.csv", b"a"), keep_upload("chest", "b.csv", b"b")
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    screen("teach", view="1. Labels")
    assert not old.exists() and new.exists()


def test_the_key_is_guessed_by_the_columns_names() -> None:
    assert guess_key(["Patient ID", "answer"]) == ("patient", "Patient ID")
    assert guess_key(["answer", "SOPInstanceUID"]) == ("sop", "SOPInstanceUID")
    assert guess_key(["file", "answer"]) == ("path", "file")
    assert guess_key(["a", "b"]) == ("patient", "a")


def test_labels_are_counted_by_patient_and_few_are_warned_of(furnished, screen) -> None:
    page = screen("teach", view="1. Labels")
    table = page.table[0].value
    assert list(table.columns) == ["To teach with", "Set aside for the test"]
    assert list(table.index) == ["clear", "lesion"]
    assert "Any number about these will be very uncertain." in texts(page)


def test_teaching_submits_settings_that_the_verb_takes(furnished, screen) -> None:
    from workbench.verbs.finetune import FinetuneSettings

    page = screen("teach", view="2. Teach")
    assert "Predict **clear, lesion** in **chest**, one answer per **scan**, starting from **overnight**." in texts(
        page
    )
    next(box for box in page.text_input if box.label == "Name").set_value("reader").run()
    button(page, "Start teaching").click().run()
    job = JobQueue(furnished).jobs()[0]
    assert job.settings == {
        "cohort": "chest", "encoder": "overnight", "method": "probe", "size": 64, "unit": "scan", "seed": 0,
        "name": "reader",
    }  # fmt: skip
    assert load_settings(FinetuneSettings, values=job.settings).method == "probe"
    page = screen("teach", view="2. Teach")
    page.selectbox(key="encoder").set_value("scratch:resnet18").run()
    assert page.radio[0].value == "finetune"


def test_results_are_said_in_words_with_intervals(furnished, screen) -> None:
    make_classifier(furnished)
    page = screen("teach")
    shown = texts(page)
    assert "Ranking quality (AUC) 0.87 (0.74 to 0.95); 0.5 is guessing, 1.0 is perfect." in shown
    assert "It finds 84 of 100 (76 to 90) that have the finding." in shown
    assert "It wrongly flags 10 of 100 (4 to 20) that do not have it." in shown
    assert shown.count("Take care: wide: only 11 test patients in one class.") == 1
    assert "Tested once, on 11 patients set aside (15 pictures)." in shown
    assert len(page.get("image")) == 1


def test_what_cannot_be_told_is_not_told() -> None:
    none = {"value": None, "low": None, "high": None, "n": 0, "n_patients": 0, "note": "needs >= 9 negatives"}
    assert opening({}) == "Its ranking quality (AUC) cannot be told."
    assert opening({"auc": {**none, "value": 0.7}}) == (
        "Ranking quality (AUC) 0.70 (no interval); 0.5 is guessing, 1.0 is perfect."
    )
    assert sentences({"sensitivity": none}) == ["Take care: needs \\>= 9 negatives."]
    assert rows({"auc": none})[0]["Value"] == "–"


def test_a_run_at_work_or_failed_says_so(furnished, screen) -> None:
    make_classifier(furnished, "broken", state="failed", message="The loss is not finite.")
    assert "The loss is not finite." in texts(screen("teach", view="3. Results", run="broken"))


def test_without_images_or_labels_it_says_what_to_do(workspace, screen) -> None:
    from tests.app.fabricated import index_scans

    assert "add images first" in texts(screen("teach"))
    index_scans(workspace, patients=30, labelled=False)
    page = screen("teach")
    assert page.segmented_control(key="view").value == "1. Labels"
    assert "No labels yet. 50 patients per answer is a sensible start" in texts(page)
    assert "Bring a table under" in texts(screen("teach", view="2. Teach"))
    assert "No results yet" in texts(screen("teach", view="3. Results"))
    labels = workspace.root / "scans" / "labels.csv"
    label(LabelSettings(cohort="chest", labels=labels, key="patient"), workspace=workspace)
    assert screen("teach").segmented_control(key="view").value == "2. Teach"
