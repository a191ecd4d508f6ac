import json

import numpy as np
import pandas as pd
import pytest

from tests.cohort.volumes.dicom_series import along, pixels, write_series
from tests.store.volumes.conftest import TILT
from workbench.cohort import Cohort
from workbench.cohort.keys import SiteKey
from workbench.errors import OperationFailed
from workbench.runs.workspace import Workspace
from workbench.store.volumes import building
from workbench.store.volumes.building import build_volumes, volume_folder
from workbench.store.volumes.settings import VolumeSettings
from workbench.store.volumes.store import VolumeStore
from workbench.store.volumes.writing import VolumeReport
from workbench.verbs.index import IndexSettings, index


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Workers start slowly; what they do is the same here."""
    from workbench.runs.engine import TaskResult

    def map_here(function, tasks, **_):
        for number, task in enumerate(tasks):
            yield TaskResult(number, function(task))

    monkeypatch.setattr(building, "map_tasks", map_here)


def of_series(cohort: Cohort, number: int) -> pd.DataFrame:
    return cohort.volumes[cohort.volumes["series_key"] == SiteKey(bytes(range(32))).uid(f"2.25.9.{number}")]


def test_volumes_are_kept_as_they_are(cohort, workspace):
    store = build_volumes(cohort, workspace=workspace)
    assert store.path == volume_folder("some", VolumeSettings(), workspace)
    assert sorted(store.index["scan_id"]) == sorted(cohort.volumes["scan_id"]) and len(store) == 4
    (row,) = store.rows_of(of_series(cohort, 1)["scan_id"])
    expected = np.stack([pixels(1000 + n) for n in range(8)]) - 1000
    assert store.volume(row).dtype == np.int16 and (store.volume(row) == expected).all()
    assert isinstance(store.volume(row), np.memmap)
    assert store.spacing_mm(row) == (1.0, 0.5, 0.75) and store.display_range(row) == (-1000.0, 400.0)
    affine = np.array([[0.75, 0, 0, -4], [0, 0.5, 0, -6], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert (store.affine_lps(row) == affine).all()
    (other,) = store.rows_of(of_series(cohort, 4)["scan_id"])
    low, high = store.display_range(other)
    assert store.index["units"][other] == "stored" and low < 5 and 1020 < high <= 1029


def test_a_store_grows_and_what_is_there_stays(tmp_path, workspace):
    settings = IndexSettings(sources=[tmp_path / "files"], cohort="grows", workers=1)
    write_series(tmp_path / "files", 1, along(range(5)))
    index(settings, workspace=workspace)
    first = build_volumes(Cohort.open(workspace.cohort_dir("grows")), workspace=workspace)
    file = first.path / "volumes" / f"{first.index['scan_id'][0]}.npy"
    written = file.stat().st_mtime_ns
    write_series(tmp_path / "files", 2, along(range(6)))
    index(settings, workspace=workspace)
    second = build_volumes(Cohort.open(workspace.cohort_dir("grows")), workspace=workspace)
    assert [second.shape(row)[0] for row in range(2)] == [5, 6] and file.stat().st_mtime_ns == written
    assert second.digest != first.digest and len(first) == 1
    # the same from nothing
    other = build_volumes(Cohort.open(workspace.cohort_dir("grows")), workspace=Workspace(tmp_path / "other"))
    assert other.digest == second.digest


def test_what_is_missing_or_left_by_a_killed_build(cohort, workspace, monkeypatch):
    whole = build_volumes(cohort, workspace=workspace)
    lost = whole.path / "volumes" / f"{whole.index['scan_id'][1]}.npy"
    lost.unlink()
    (whole.path / "volumes" / "stray.npy").write_bytes(b"")
    again = build_volumes(cohort, workspace=workspace)
    assert again.digest == whole.digest and lost.exists() and not (whole.path / "volumes" / "stray.npy").exists()
    # killed after two volumes: their records are there, the index is not
    kept = [dict(row) for row in whole._rows]
    (whole.path / "index.parquet").unlink()
    (whole.path / "store.json").unlink()
    for row in kept[:2]:
        (whole.path / "journal" / f"{row['scan_id']}.json").write_text(json.dumps(row))
    (whole.path / "journal" / "cut.json").write_text('{"scan')
    decoded = []
    real = building.write_volume
    monkeypatch.setattr(building, "write_volume", lambda task: decoded.append(task.files.scan_id) or real(task))
    again = build_volumes(cohort, workspace=workspace)
    assert again.digest == whole.digest and len(decoded) == 2
    assert not list((again.path / "journal").iterdir())


def test_tilted_and_uneven_stacks_by_choice(cohort, workspace):
    store = build_volumes(cohort, VolumeSettings(tilted="straighten", uneven="resample"), workspace=workspace)
    stacks = cohort.stacks.set_index("status")["stack_id"]
    assert sorted(store.index["scan_id"]) == sorted(
        [*of_series(cohort, 1)["scan_id"], *of_series(cohort, 4)["scan_id"], stacks["tilted"], stacks["missing_slices"]]
    )
    (row,) = store.rows_of([stacks["missing_slices"]])
    filled = store.volume(row)
    there = np.stack([pixels(2000 + n) for n in range(9)]).astype(int) - 1000
    assert filled.shape == (10, 16, 18) and (filled[[0, 1, 2, 3, 5, 6, 7, 8, 9]] == there).all()
    assert np.abs(filled[4] - (there[3] + there[4]) / 2).max() <= 0.5
    (row,) = store.rows_of([stacks["tilted"]])
    upright = store.volume(row)
    assert upright.shape == (6, 16 + 3, 18) and store.spacing_mm(row) == pytest.approx((1.0, 0.5, 0.75))
    assert (upright[0, :16] == pixels(3000) - 1000).all() and (upright[0, 16:] == -1024).all()
    assert (upright[5, 3:] == pixels(3005) - 1000).all() and TILT[5][1] == pytest.approx(-6 + 3 * 0.5)
    assert store.affine_lps(row)[:3, 2] == pytest.approx([0, 0, 1])


def test_refused_volumes_are_told_and_tried_again_where_asked(tmp_path, workspace):
    for number in (1, 2):
        write_series(tmp_path / "files", number, along(range(5)))
    index(IndexSettings(sources=[tmp_path / "files"], cohort="bad", workers=1), workspace=workspace)
    cohort = Cohort.open(workspace.cohort_dir("bad"))
    file = tmp_path / "files" / "01" / "002.dcm"
    content = file.read_bytes()
    for damage, code in ((content[:-80], "truncated"), (content[:-80] + b"\7" * 80, "changed"), (None, "absent")):
        file.write_bytes(damage) if damage else file.unlink()
        store = build_volumes(cohort, workspace=workspace, retry=True)
        assert len(store) == 1 and [item["code"] for item in store.refused] == [code]
    file.write_bytes(content)
    assert len(build_volumes(Cohort.open(cohort.folder), workspace=workspace)) == 1
    assert len(build_volumes(Cohort.open(cohort.folder), workspace=workspace, retry=True)) == 2


def test_excluded_volumes_are_left_out(tmp_path, cohort, workspace):
    import shutil

    shutil.copytree(cohort.folder, tmp_path / "copy")
    copy = Cohort.open(tmp_path / "copy")
    copy.with_volumes().decide("exclude", "scan", [copy.volumes["scan_id"][0]], reason="moved")
    store = build_volumes(copy, workspace=workspace)
    assert len(store) == 3 and store.left_out == 1


def test_a_dying_worker_and_a_full_disk(cohort, workspace, monkeypatch):
    from workbench.runs.engine import TaskResult

    def dying(function, tasks, **_):
        for number, task in enumerate(tasks):
            yield TaskResult(number, None, "died") if number == 0 else TaskResult(number, function(task))

    monkeypatch.setattr(building, "map_tasks", dying)
    store = build_volumes(cohort, workspace=workspace)
    assert len(store) == 3 and store.refused[0]["code"] == "crashed"

    def full(function, tasks, **_):
        for number, task in enumerate(tasks):
            yield TaskResult(number, VolumeReport(task.files.scan_id, "disk_full", bytes=10**9, full=True))

    monkeypatch.setattr(building, "map_tasks", full)
    with pytest.raises(OperationFailed, match="a volume needs 1,000 MB"):
        build_volumes(cohort, VolumeSettings(spacing=3), workspace=workspace)


def test_nothing_at_all(tmp_path, workspace):
    write_series(tmp_path / "files", 1, TILT)
    index(IndexSettings(sources=[tmp_path / "files"], cohort="leaning", workers=1), workspace=workspace)
    cohort = Cohort.open(workspace.cohort_dir("leaning"))
    with pytest.raises(OperationFailed, match="Not one volume of the cohort 'leaning' is usable"):
        build_volumes(cohort, workspace=workspace)
    assert len(build_volumes(cohort, VolumeSettings(tilted="straighten"), workspace=workspace)) == 1


def test_the_settings_are_in_the_store(cohort, workspace):
    settings = VolumeSettings(spacing=(2, 1, 1))
    store = build_volumes(cohort, settings, workspace=workspace)
    assert VolumeStore.open(store.path).settings == settings
    assert {store.spacing_mm(row) == pytest.approx((2, 1, 1)) for row in range(len(store))} == {True}
