import pytest

from tests.cohort.making import small_cohort
from tests.cohort.volumes.dicom_series import along, write_series
from workbench.cohort import Cohort
from workbench.cohort.volumes.access import files_of
from workbench.errors import InputError, OperationFailed
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexSettings, index


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(folder / "key"))
        (folder / "key").write_bytes(bytes(range(32)))
        write_series(folder / "files", 1, along([0, 1, 2, 3]))
        write_series(folder / "files", 2, along([0, 1, 3.5, 4, 6, 7.7]))
        write_series(folder / "files", 3, along([0, 1, 2, 3]), ImagePositionPatient=None)
        workspace = Workspace(folder)
        index(IndexSettings(sources=[folder / "files"], cohort="some"), workspace=workspace)
    return workspace


@pytest.fixture
def cohort(workspace):
    return Cohort.open(workspace.cohort_dir("some"))


def test_a_stack_that_is_no_volume_tells_where_its_slices_lie(cohort):
    stack = cohort.stacks[cohort.stacks["status"] == "irregular"].iloc[0]
    files = files_of(cohort, stack["stack_id"])
    assert files.offsets_mm == pytest.approx((0, 1, 3.5, 4, 6, 7.7)) and len(files.slices) == 6


def test_a_stack_without_place_cannot_be_read(cohort):
    stack = cohort.stacks[cohort.stacks["status"] == "no_geometry"].iloc[0]
    with pytest.raises(InputError, match="has no geometry: 4 slices without a stated position"):
        files_of(cohort, stack["stack_id"])


def test_an_unknown_volume(cohort):
    with pytest.raises(InputError, match="no volume S0 in the cohort 'some'"):
        cohort.read_volume("S0")


def test_a_cohort_made_without_files_has_no_volumes(tmp_path):
    cohort = small_cohort(tmp_path / "small", patients=3)
    assert len(cohort.volumes) == len(cohort.stacks) == 0 and "affine_lps" in cohort.volumes
    assert cohort.with_volumes().usable().tolist() == []


def test_what_changed_since_the_index_is_said(cohort, workspace):
    scan_id = cohort.volumes["scan_id"][0]
    file = workspace.root / "files" / "01" / "001.dcm"
    content = file.read_bytes()
    try:
        file.write_bytes(content[:-100] + b"\1" * 100)
        with pytest.raises(OperationFailed, match="differs from the one that was indexed"):
            cohort.read_volume(scan_id)
        file.write_bytes(content[:-100])
        with pytest.raises(OperationFailed, match="cannot be decoded: truncated"):
            cohort.read_volume(scan_id)
        file.unlink()
        with pytest.raises(OperationFailed, match="no longer where it was indexed"):
            cohort.read_volume(scan_id)
    finally:
        file.write_bytes(content)
    assert cohort.read_volume(scan_id).values.shape == (4, 16, 18)


def test_a_damaged_table_is_said(cohort, tmp_path):
    import shutil

    shutil.copytree(cohort.folder, tmp_path / "some")
    broken = Cohort.open(tmp_path / "some")
    (broken.folder / "slices.parquet").write_bytes(b"PAR1")
    with pytest.raises(OperationFailed, match="table of slices cannot be read"):
        files_of(broken, broken.stacks[broken.stacks["status"] == "irregular"]["stack_id"].iloc[0])
    (broken.folder / "volumes.parquet").write_bytes(b"PAR1")
    with pytest.raises(OperationFailed, match="table of volumes cannot be read"):
        _ = Cohort.open(broken.folder).volumes
