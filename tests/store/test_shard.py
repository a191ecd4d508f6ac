import errno
import json
from pathlib import Path

import numpy as np
import pytest

from workbench.store import shard as shard_file
from workbench.store.settings import StoreSettings
from workbench.store.shard import ScanFile, ShardTask, write_shard

SETTINGS = StoreSettings(size=16)


@pytest.fixture
def folder(tmp_path):
    for name in ("shards", "journal"):
        (tmp_path / "store" / name).mkdir(parents=True)
    return tmp_path / "store"


def task(folder: Path, files, **more) -> ShardTask:
    scans = tuple(ScanFile(f"s{number}", str(path), 0) for number, path in enumerate(files))
    return ShardTask(folder, "000000-abc", SETTINGS, scans, **more)


def test_pixels_and_record_are_written(folder, tmp_path, make_dicom, make_flat):
    files = [make_dicom(tmp_path / f"{n}.dcm", make_flat(n, 16, 32)) for n in range(3)]
    report = write_shard(task(folder, files))
    assert (report.scans, report.refused, report.missing_bytes) == (3, (), 0)
    pixels = np.load(folder / "shards" / "000000-abc.npy", mmap_mode="r")
    assert pixels.shape == (3, 1, 16, 16) and pixels.dtype == np.uint16
    assert pixels[2, 0, 8, 8] == 102 and pixels[2, 0, 0, 0] == 0
    record = json.loads((folder / "journal" / "000000-abc.json").read_text())
    assert [scan[:6] for scan in record["scans"]] == [[f"s{n}", n, 4, 0, 8, 16] for n in range(3)]
    assert report.bytes == pixels.nbytes
    assert not list(folder.rglob("*.tmp"))


def test_mixed_number_types_share_the_narrowest_that_holds_both(folder, tmp_path, make_dicom, make_flat):
    ct = make_dicom(tmp_path / "ct.dcm", np.full((16, 16), -500), modality="CT")
    dx = make_dicom(tmp_path / "dx.dcm", make_flat(1, 16, 16))
    write_shard(task(folder, [ct, dx]))
    pixels = np.load(folder / "shards" / "000000-abc.npy")
    assert pixels.dtype == np.int32
    assert pixels[0, 0, 3, 3] == -500 and pixels[1, 0, 15, 15] == 4095
    record = json.loads((folder / "journal" / "000000-abc.json").read_text())
    assert [scan[8] for scan in record["scans"]] == ["int16", "uint16"]


def test_scans_that_cannot_be_decoded_are_told_with_their_reason(folder, tmp_path, make_dicom, make_flat):
    good = make_dicom(tmp_path / "good.dcm", make_flat(0, 16, 16))
    short = tmp_path / "short.dcm"
    short.write_bytes(good.read_bytes()[:-100])
    text = tmp_path / "text.dcm"
    text.write_text("not a picture")
    report = write_shard(task(folder, [short, good, text, tmp_path / "absent.dcm"]))
    assert report.scans == 1
    codes = {scan_id: code for scan_id, code, _ in report.refused}
    assert codes == {"s0": "truncated", "s2": "not_dicom", "s3": "unreadable"}


def test_a_file_that_changed_since_indexing_is_refused(folder, tmp_path, make_dicom, make_flat):
    path = make_dicom(tmp_path / "a.dcm", make_flat(0))
    scan = ScanFile("s0", str(path), 0, pixel_hash="0" * 32)
    report = write_shard(ShardTask(folder, "000000-abc", SETTINGS, (scan,)))
    assert report.scans == 0 and report.refused[0][:2] == ("s0", "changed")


def test_a_probe_writes_nothing(folder, tmp_path, make_dicom, make_flat):
    report = write_shard(task(folder, [make_dicom(tmp_path / "a.dcm", make_flat(0))], probe=True))
    assert report.scans == 1
    assert not list(folder.rglob("*.npy")) and not list(folder.rglob("*.json"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_in_bytes_and_leaves_nothing_behind(
    folder, tmp_path, make_dicom, make_flat, monkeypatch, code
):
    monkeypatch.setattr(shard_file.os, "fsync", lambda number: (_ for _ in ()).throw(OSError(code, "full")))
    report = write_shard(task(folder, [make_dicom(tmp_path / "a.dcm", make_flat(0))]))
    assert report.missing_bytes == 16 * 16 * 2 and report.free_bytes > 0
    assert not [file for file in folder.rglob("*") if file.is_file()]


def test_another_fault_of_the_disk_is_not_taken_for_a_full_one(folder, tmp_path, make_dicom, make_flat, monkeypatch):
    monkeypatch.setattr(shard_file.os, "fsync", lambda number: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
    with pytest.raises(OSError, match="broken"):
        write_shard(task(folder, [make_dicom(tmp_path / "a.dcm", make_flat(0))]))
