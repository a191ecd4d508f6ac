from __future__ import annotations

from pathlib import Path

import pytest

from tests.cohort.making import write_dicomdir
from workbench.cohort.dicomdir import find_beside, named_files, names_in


def test_names_are_joined_and_none_leads_outside(tmp_path: Path, capfd):
    file = write_dicomdir(tmp_path / "DICOMDIR", [["A", "IM1"], ["B"], ["..", "evil"], ["/", "etc"], ["A", "IM1"]])
    capfd.readouterr()
    assert named_files(file.read_bytes()) == ["A/IM1", "B"] == names_in(str(file))
    assert capfd.readouterr().err == ""


def test_what_is_no_dicomdir(tmp_path: Path):
    with pytest.raises(ValueError, match="cannot be read"):
        named_files(b"no DICOM at all")
    assert names_in(str(tmp_path / "absent")) == []


def test_names_are_found_whatever_their_case_and_never_through_links(tmp_path: Path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "im1").write_bytes(b"1")
    (tmp_path / "LINK").symlink_to(tmp_path / "images" / "im1")
    found = find_beside(tmp_path / "DICOMDIR", ["IMAGES/IM1", "LINK", "GONE"])
    assert found == [tmp_path / "images" / "im1"]
