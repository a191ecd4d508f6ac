from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from workbench.cohort import archives
from workbench.errors import OperationFailed

CONTENT = {"b/two": b"22", "a/one": b"1", "../../evil": b"bad"}


def make_zip(file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        archive.mkdir("folder")
        for name, content in CONTENT.items():
            archive.writestr(name, content)
    return file


def make_tar(file: Path, mode: str = "w:gz") -> Path:
    with tarfile.open(file, mode) as archive:
        for name, content in {"a/one": b"older", **CONTENT}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        again = tarfile.TarInfo("a/one")
        again.size = 1
        archive.addfile(again, io.BytesIO(b"1"))
    return file


@pytest.mark.parametrize("make", [lambda f: make_zip(f), lambda f: make_tar(f), lambda f: make_tar(f, "w")])
def test_members_are_listed_and_read_in_memory(tmp_path: Path, make):
    file = make(tmp_path / "archive")
    assert archives.members(file) == [("../../evil", 3), ("a/one", 1), ("b/two", 2)]
    assert dict(archives.read_members(file, ["b/two", "a/one", "absent"])) == {
        "b/two": b"22",
        "a/one": b"1",
        "absent": None,
    }


def test_unpacking_writes_under_names_of_ours_only(tmp_path: Path):
    file = make_tar(tmp_path / "archive.tar.gz")
    targets = {name: tmp_path / "out" / f"k{number}.dcm" for number, name in enumerate(CONTENT)}
    assert archives.unpack(file, targets, "../../evil").read_bytes() == b"bad"
    assert sorted(found.name for found in (tmp_path / "out").glob("k*")) == ["k0.dcm", "k1.dcm", "k2.dcm"]
    file.unlink()
    assert archives.unpack(file, targets, "a/one").read_bytes() == b"1"
    with pytest.raises(OperationFailed, match="cannot be taken out"):
        archives.unpack(file, {"x": tmp_path / "out" / "x.dcm"}, "x")


def test_kinds_are_told_from_the_first_bytes():
    assert archives.archive_kind(b"PK\x03\x04rest") == "zip"
    assert archives.archive_kind(b"\x1f\x8b\x08") == "tar"
    assert archives.archive_kind(b"\0" * 257 + b"ustar") == "tar"
    assert archives.archive_kind(b"\0" * 128 + b"DICM") == ""


def test_a_bomb_is_not_entered(tmp_path: Path):
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(archives.MIN_SUSPECT_BYTES + 1))
    with pytest.raises(archives.ArchiveRefused, match="100 times its size"):
        archives.members(file)
    with tarfile.open(tmp_path / "bomb.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("zeros")
        entry.size = archives.MIN_SUSPECT_BYTES + 1
        archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    with pytest.raises(archives.ArchiveRefused, match="100 times its size"):
        archives.members(tmp_path / "bomb.tgz")


def test_too_many_members_passwords_and_damage_are_named(tmp_path: Path, monkeypatch):
    file = make_zip(tmp_path / "a.zip")
    content = bytearray(file.read_bytes())
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    for archive in (file, make_tar(tmp_path / "a.tar")):
        with pytest.raises(archives.ArchiveRefused, match="more than 2 files"):
            archives.members(archive)
    monkeypatch.undo()
    locked = bytearray(content)
    start = locked.rindex(b"PK\x01\x02")
    locked[start + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    with pytest.raises(archives.ArchiveRefused, match="password"):
        archives.members(tmp_path / "locked.zip")
    (tmp_path / "cut.zip").write_bytes(content[:60])
    with pytest.raises(archives.ArchiveRefused, match="damaged"):
        archives.members(tmp_path / "cut.zip")
    assert dict(archives.read_members(tmp_path / "cut.zip", ["a/one"])) == {"a/one": None}


def test_a_damaged_or_oversized_member_costs_itself_only(tmp_path: Path, monkeypatch):
    file = make_zip(tmp_path / "a.zip")
    content = bytearray(file.read_bytes())
    content[content.index(b"22")] = 0
    file.write_bytes(content)
    assert dict(archives.read_members(file, ["b/two", "a/one"])) == {"b/two": None, "a/one": b"1"}
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 2)
    assert dict(archives.read_members(file, ["../../evil", "a/one"])) == {"../../evil": None, "a/one": b"1"}
