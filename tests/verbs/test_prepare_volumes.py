import json

import numpy as np
import pytest

from tests.cohort.volumes.dicom_series import along, write_series
from workbench import cli
from workbench.config import load_settings
from workbench.errors import InputError, OperationFailed
from workbench.runs.workspace import Workspace
from workbench.store.volumes.store import VolumeStore
from workbench.verbs.index import IndexSettings, index
from workbench.verbs.prepare import PrepareSettings, prepare

TILT = [[-4.0, -6.0 + 0.3 * n, float(n)] for n in range(6)]


@pytest.fixture
def workspace(tmp_path):
    write_series(tmp_path / "files", 1, along(np.arange(8.0)))
    write_series(tmp_path / "files", 2, TILT)
    place = Workspace(tmp_path / "work")
    index(IndexSettings(sources=[tmp_path / "files"], cohort="ct", workers=1), workspace=place)
    return place


def run(workspace, **values):
    settings = {"cohort": "ct", "kind": "volumes", "workers": 1, **values}
    return prepare(load_settings(PrepareSettings, values=settings), workspace=workspace)


def test_prepare_then_again_then_another_spacing(workspace):
    result = run(workspace)
    assert (result.kind, result.scans, result.decoded, result.refused, result.left_out) == ("volumes", 1, 1, 0, 0)
    assert result.bytes == 8 * 16 * 18 * 2 and "1 volume decoded in" in result.summary()
    assert "The store holds 1 volume in 1 file, 4.6 kB." in result.summary()
    assert run(workspace).summary().startswith("Nothing was missing.") and run(workspace).digest == result.digest
    coarse = run(workspace, spacing=[2, 1, 1], orientation="lps")
    store = VolumeStore.open(coarse.store)
    assert coarse.store != result.store and store.shape(0) == (4, 8, 14)
    assert store.spacing_mm(0) == pytest.approx((2, 1, 1))
    both = run(workspace, tilted="straighten")
    assert (both.scans, both.decoded) == (2, 2)


def test_settings_of_the_other_kind_are_told(workspace):
    with pytest.raises(InputError, match="'size' belongs to kind=frames"):
        run(workspace, size=64)
    with pytest.raises(InputError, match="'spacing' belongs to kind=volumes"):
        run(workspace, kind="frames", spacing=2)
    with pytest.raises(InputError, match="between 0.05 and 50 mm"):
        run(workspace, spacing=0)


def test_a_cohort_without_volumes_is_told(workspace, tmp_path):
    write_series(tmp_path / "other", 3, TILT)
    index(IndexSettings(sources=[tmp_path / "other"], cohort="leaning", workers=1), workspace=workspace)
    with pytest.raises(OperationFailed, match="tilted=straighten"):
        run(workspace, cohort="leaning")


def test_on_the_command_line(workspace, capsys):
    words = ["prepare", "ct", "kind=volumes", "spacing=1", "workers=1", "--workspace", str(workspace.root), "--json"]
    assert cli.main(words) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["kind"], said["scans"]) == ("volumes", 1)
