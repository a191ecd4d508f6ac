from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.cohort.discovery import Skipped, resolve_sources, walk
from workbench.errors import InputError


def test_every_regular_file_once_and_no_link_followed(tmp_path: Path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    (inside / "deep" / ".hidden").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_text("x")
    for name in ("a", "deep/b", "deep/.hidden/c"):
        (inside / name).write_text(name)
    (inside / "link").symlink_to(outside / "secret")
    (inside / "loop").symlink_to(inside)
    os.mkfifo(inside / "pipe")
    skipped = Skipped()
    found = sorted(walk(inside, skipped))
    assert [Path(file.path).relative_to(inside).as_posix() for file in found] == ["a", "deep/.hidden/c", "deep/b"]
    assert [file.size for file in found] == [1, 14, 6]
    assert (skipped.links, skipped.special) == (2, 1)


def test_a_file_is_a_source_too(tmp_path: Path):
    (tmp_path / "one").write_bytes(b"12")
    assert [file.size for file in walk(tmp_path / "one", Skipped())] == [2]


def test_sources_inside_others_are_dropped(tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "ab").mkdir()
    (tmp_path / "again").symlink_to(tmp_path / "a")
    found = resolve_sources([tmp_path / "a" / "b", tmp_path / "a", tmp_path / "again", tmp_path / "ab"])
    assert found == [tmp_path / "a", tmp_path / "ab"]


def test_absent_sources_are_named(tmp_path: Path):
    with pytest.raises(InputError, match="neither a folder nor a file.*missing"):
        resolve_sources([tmp_path / "missing"])
    with pytest.raises(InputError, match="No source"):
        resolve_sources([])


def test_folder_that_cannot_be_opened_is_counted(tmp_path: Path, monkeypatch):
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def scandir(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    skipped = Skipped()
    assert list(walk(tmp_path, skipped)) == []
    assert skipped.closed_folders == 1
