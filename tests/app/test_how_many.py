from __future__ import annotations

import json

import numpy as np
import pytest

from app.components.study_curve import (
    COLOURS,
    REFERENCES,
    curve_words,
    difference_chart,
    label_places,
    order,
    study_curve,
)
from app.runs_view import open_run
from app.study_answer import read_answer
from tests.app.fabricated import make_study
from workbench.errors import OperationFailed
from workbench.runs.jobs import JobQueue


def texts(page) -> str:
    blocks = (page.markdown, page.caption, page.info, page.warning, page.error, page.success)
    return "\n".join(item.value for block in blocks for item in block).replace("\\", "")


def button(page, label: str):
    return next(button for button in page.button if button.label == label)


def test_the_verdict_comes_first(furnished, screen) -> None:
    make_study(furnished)
    page = screen("how_many")
    markdown = [item.value.replace("\\", "") for item in page.markdown]
    first = next(index for index, value in enumerate(markdown) if value.startswith("#### "))
    assert "SimCLR helps: it ranks better than scratch" in markdown[first]
    assert "No benefit shown for MAE over scratch" in markdown[first + 1]
    assert first < next(index for index, value in enumerate(markdown) if value.startswith("##### Ranking quality"))
    assert "Only 26 test patients in the smallest class: intervals are wide." in texts(page)
    assert "**Labels saved:** 2.9x (1.6-5.2x), SimCLR against scratch." in texts(page)
    assert "Tested on 126 patients set aside." in texts(page)


def test_the_table_says_what_the_curve_says(furnished, screen) -> None:
    make_study(furnished)
    table = screen("how_many").table[0].value
    assert list(table.columns) == ["scratch, end to end", "SimCLR", "MAE"]
    assert table.loc["25", "SimCLR"] == "0.810 (0.756 to 0.856)"
    assert table.loc["374", "scratch, end to end"] == "0.880 (0.848 to 0.907)"


def test_another_protocol_is_read_from_the_address(furnished, screen) -> None:
    make_study(furnished)
    table = screen("how_many", protocol="End to end (fine-tune)").table[0].value
    assert list(table.columns) == ["scratch", "SimCLR", "MAE"]


def test_the_files_can_be_taken_along(furnished, screen) -> None:
    make_study(furnished)
    labels = [item.proto.label for item in screen("how_many").get("download_button")]
    assert labels == ["Report", "Summary", "Curve (PNG)"]


def test_what_more_labels_would_bring_or_why_nobody_can_tell(furnished, screen) -> None:
    run = make_study(furnished)
    summary = json.loads((run.path / "summary.json").read_text())
    points = [{"n": 100.0 * times, "value": 0.9, "low": 0.85, "high": 0.93} for times in (1, 2, 4)]
    needed = {"target": 0.92, "n": 300, "low": 200, "high": 500, "text": "AUC 0.920: about 300 patients."}
    summary["forecast"] = [
        {"arm": "SimCLR", "refused": "", "points": points, "required": [needed], "advice": "Label about 100 more."},
        {"arm": "MAE", "refused": "Not enough evidence to extrapolate: 3 budgets.", "points": [], "required": []},
    ]
    (run.path / "summary.json").write_text(json.dumps(summary))
    told = texts(screen("how_many"))
    assert "**SimCLR**: with 200 labelled patients about 0.90 (roughly 90 %: 0.85 to 0.93)." in told
    assert "AUC 0.920: about 300 patients." in told and "Label about 100 more." in told
    assert "MAE: Not enough evidence to extrapolate: 3 budgets." in told


def test_what_holds_for_several_arms_is_said_once(furnished, screen) -> None:
    run = make_study(furnished)
    summary = json.loads((run.path / "summary.json").read_text())
    for entry in summary["comparisons"]:
        entry["cautions"] = [{"kind": "differs", "value": 0.01}, {"kind": "few", "value": 126}]
        entry["warnings"] = ["Labels saved differ.", "Few."]
    (run.path / "summary.json").write_text(json.dumps(summary))
    shown = texts(screen("how_many"))
    assert shown.count("SimCLR (p = 0.010) and MAE (p = 0.010) differ between budgets") == 1
    assert shown.count("With 126 test patients the labels saved are barely informative") == 1
    assert "Few." not in shown


def test_a_damaged_summary_is_told(furnished, screen) -> None:
    run = make_study(furnished)
    (run.path / "summary.json").write_text(json.dumps({"verdict": "x"}))
    assert "not of the kind that this program writes" in texts(screen("how_many"))
    (run.path / "summary.json").write_text("{")
    with pytest.raises(OperationFailed, match="has no summary"):
        read_answer(open_run(run.path))


def test_the_answer_has_its_reference_in_every_protocol(furnished) -> None:
    answer = read_answer(open_run(make_study(furnished).path))
    assert answer.protocols() == ["probe", "finetune"]
    assert answer.references("probe") == ["scratch, end to end"]
    assert answer.references("finetune") == ["scratch"]
    assert set(answer.curve("probe")["arm"]) == {"SimCLR", "MAE", "scratch, end to end"}
    differences = answer.differences("probe")
    assert differences[differences["arm"] == "SimCLR"]["difference"].tolist() == pytest.approx(
        [0.12, 0.12, 0.09, 0.06, 0.025]
    )


def test_the_curve_tells_arms_apart_without_colour(furnished) -> None:
    answer = read_answer(open_run(make_study(furnished).path))
    table = answer.curve("probe")
    arms = order(table, answer.references("probe"))
    chart = study_curve(table, answer.references("probe"), "AUC", "patients", answer.arms()).to_dict()
    layers = {layer["mark"]["type"]: layer["encoding"] for layer in chart["layer"]}
    assert layers["line"]["color"]["scale"] == {"domain": arms, "range": [REFERENCES[0], *COLOURS[:2]]}
    assert len({tuple(dash) for dash in layers["line"]["strokeDash"]["scale"]["range"]}) == 3
    assert len(set(layers["point"]["shape"]["scale"]["range"])) == 3
    assert layers["text"]["text"]["field"] == "arm"
    assert curve_words(table, arms[:1], "AUC", "patients") == (
        "AUC against labelled patients. "
        "scratch, end to end: 0.62 at 10, 0.69 at 25, 0.77 at 50, 0.83 at 100, 0.88 at 374."
    )
    drawn = difference_chart(answer.differences("probe"), "patients", answer.arms()).to_dict()
    assert drawn["layer"][2]["encoding"]["color"]["scale"] == {"domain": ["SimCLR", "MAE"], "range": list(COLOURS[:2])}
    assert [layer["mark"]["type"] for layer in drawn["layer"]] == ["rule", "rule", "point"]


def test_names_at_the_lines_ends_do_not_overlap(furnished) -> None:
    table = read_answer(open_run(make_study(furnished).path)).curve("probe")
    table.loc[table["budget"] == 374, "value"] = 0.9
    places = label_places(table, gap=0.05)["place"].to_numpy()
    span = table["high"].max() - table["low"].min()
    assert np.diff(np.sort(places)) == pytest.approx([0.05 * span] * 2)


def test_without_labels_it_sends_to_them(workspace, screen) -> None:
    from tests.app.fabricated import index_scans

    assert "No images yet" in texts(screen("how_many"))
    index_scans(workspace, patients=3, labelled=False)
    assert "This collection has no labels yet" in texts(screen("how_many"))


def test_asking_submits_settings_that_the_verb_takes(furnished, screen) -> None:
    from workbench.config import load_settings
    from workbench.study.settings import StudySettings

    page = screen("how_many")
    assert "With so few in the test, any answer will be very uncertain." in texts(page)
    next(box for box in page.text_input if box.label == "Name").set_value("first question").run()
    button(page, "Start the study").click().run()
    job = JobQueue(furnished).jobs()[0]
    assert job.settings == {
        "cohort": "chest", "size": 64, "arms": {"overnight": {"encoder": "overnight"}}, "reference": "scratch",
        "protocols": ["probe", "finetune"], "budgets": [10, 25, "all"], "draws": 20, "finetune_draws": 3,
        "name": "first-question",
    }  # fmt: skip
    settings = load_settings(StudySettings, values=job.settings)
    assert settings.headline == "probe"


def test_without_training_from_scratch_a_random_network_is_the_reference(furnished, screen) -> None:
    page = screen("how_many")
    page.button_group(key="protocols").set_value(["probe"]).run()
    assert "the comparison is with a random network" in texts(page)
    button(page, "Start the study").click().run()
    settings = JobQueue(furnished).jobs()[0].settings
    assert (settings["reference"], settings["arms"]["random"]) == ("random", {"encoder": "random:resnet18"})


def test_nothing_to_compare_cannot_be_started(furnished, screen) -> None:
    page = screen("how_many")
    page.multiselect(key="arms-chest").set_value([]).run()
    assert button(page, "Start the study").disabled
