from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd

from app.catalogue import catalogue
from workbench.runs.workspace import Workspace


def shown(page, component: str) -> list[dict]:
    """The data of the components of a kind on the page."""
    found = [element.proto for element in page.get("bidi_component")]
    return [json.loads(proto.json) for proto in found if proto.component_name == component]


def tiles(page) -> list[str]:
    (data,) = shown(page, "workbench_scan_grid")
    return [tile["scan"] for tile in data["tiles"]]


def texts(page) -> str:
    return "\n".join(element.value for kind in ("info", "caption", "warning") for element in page.get(kind))


def test_without_images_the_page_says_where_to_begin(screen) -> None:
    assert "No images yet" in screen("look").info[0].value


def test_the_first_page_of_the_grid(screen, furnished: Workspace) -> None:
    page = screen("look", cohort="chest")
    scans = catalogue("chest").table["scan_id"].tolist()
    assert tiles(page) == scans[:24]
    assert f"{len(scans)} of {len(scans)} pictures" in texts(page)
    (data,) = shown(page, "workbench_scan_grid")
    assert re.fullmatch(r"/x/thumbnail/[\w-]+\.[\w-]+", data["tiles"][0]["url"])
    assert shown(page, "workbench_viewer") == []


def test_page_and_length_come_from_the_address(screen, furnished: Workspace) -> None:
    scans = catalogue("chest").table["scan_id"].tolist()
    assert tiles(screen("look", cohort="chest", page="2")) == scans[24:48]
    assert tiles(screen("look", cohort="chest", show="48")) == scans[:48]


def test_a_page_beyond_the_last_still_shows_pictures(screen, furnished: Workspace) -> None:
    assert tiles(screen("look", cohort="chest", page="99"))


def test_filters_from_the_address_leave_what_they_say(screen, furnished: Workspace) -> None:
    table = catalogue("chest").table
    page = screen("look", cohort="chest", only_view_position="AP", only_sex="F", show="96")
    wanted = table[(table["view_position"] == "AP") & (table["sex"] == "F")]["scan_id"].tolist()
    assert 0 < len(wanted) < len(table) and tiles(page) == wanted


def test_filters_by_label_and_age(screen, furnished: Workspace) -> None:
    found = catalogue("chest")
    labels = pd.read_parquet(furnished.cohort_dir("chest") / "labels" / "v1.parquet").set_index("scan_id")["label"]
    page = screen("look", cohort="chest", only_label="lesion", only_age="30-39", show="96")
    wanted = [
        scan
        for scan, age in zip(found.table["scan_id"], found.table["age_years"], strict=True)
        if labels.get(scan) == "lesion" and 30 <= age < 40
    ]
    assert wanted and tiles(page) == wanted


def test_filters_that_leave_nothing_can_be_cleared_one_by_one(screen, furnished: Workspace) -> None:
    page = screen("look", cohort="chest", only_view_position="AP", only_sex="M", only_age="30-39")
    assert "No picture matches" in texts(page)
    buttons = {button.label: button for button in page.button}
    assert {"View: AP", "Sex: M", "Age: 30\\-39", "All filters"} <= set(buttons)
    buttons["Sex: M"].click().run()
    assert tiles(page)
    assert page.multiselect(key="only_sex").value == []


def test_a_filter_that_shortens_the_list_leads_back_to_a_page_that_is_there(screen, furnished: Workspace) -> None:
    page = screen("look", cohort="chest", page="3")
    page.multiselect(key="only_view_position").set_value(["AP"]).run()
    assert tiles(page)


def test_a_picture_from_the_address_is_in_the_viewer_with_its_neighbour_ahead(screen, furnished: Workspace) -> None:
    scans = catalogue("chest").table["scan_id"].tolist()
    page = screen("look", cohort="chest", scan=scans[3])
    (data,) = shown(page, "workbench_viewer")
    assert (data["id"], data["count"], data["start"]) == (f"chest/{scans[3]}", 1, 0)
    assert data["title"].startswith("DX CHEST")
    assert data["ahead"]["id"] == f"chest/{scans[4]}"
    assert re.fullmatch(r"/x/frame/[\w-]+\.[\w-]+/", data["url"])
    assert shown(page, "workbench_scan_grid")[0]["chosen"] == scans[3]
    {button.label: button for button in page.button}["Next"].click().run()
    assert shown(page, "workbench_viewer")[0]["id"] == f"chest/{scans[4]}"
    assert page.query_params["scan"] == scans[4]


def test_the_last_of_a_page_is_followed_by_the_next_pages_first(screen, furnished: Workspace) -> None:
    scans = catalogue("chest").table["scan_id"].tolist()
    page = screen("look", cohort="chest", scan=scans[23])
    {button.label: button for button in page.button}["Next"].click().run()
    assert tiles(page) == scans[24:48]
    assert {button.label: button for button in page.button}["Previous"].disabled is False


def test_an_unknown_picture_in_the_address_is_told(screen, furnished: Workspace) -> None:
    page = screen("look", cohort="chest", scan="SNOBODY")
    assert "not in this collection" in texts(page)
    assert tiles(page)


def test_markup_in_a_field_stays_text(screen, furnished: Workspace) -> None:
    file = furnished.cohort_dir("chest") / "manifest.parquet"
    table = pd.read_parquet(file)
    evil = "<img src=x onerror=alert(1)>**b**"
    table["manufacturer"] = evil
    table["view_position"] = [evil] + ["AP"] * (len(table) - 1)
    table.to_parquet(file)
    page = screen("look", cohort="chest", scan=str(table["scan_id"][0]))
    facts = page.table[0].value
    assert "\\<img src\\=x onerror\\=alert\\(1\\)\\>" in facts.to_string().replace("=", "\\=").replace("\\\\=", "\\=")
    assert evil in shown(page, "workbench_viewer")[0]["title"]


def test_the_command_and_the_picture_in_python_are_shown(screen, furnished: Workspace) -> None:
    scan = str(catalogue("chest").table["scan_id"][0])
    page = screen("look", cohort="chest", scan=scan)
    codes = [element.value for element in page.code]
    assert codes[0].startswith("workbench app --workspace")
    namespace: dict = {}
    exec(codes[1].replace("data_manifests", str(furnished.cohorts_dir)), namespace)
    assert namespace["frame"].values.shape == (128, 128)
    assert Path(namespace["cohort"].folder).name == "chest"
