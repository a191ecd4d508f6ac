from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.allowed_roots import allowed, folders_in, relative_name, resolve
from workbench.errors import InputError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("root/chest/a", "root/.hidden", "outside/secret"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "root" / "way-out").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "way-in").symlink_to(tmp_path / "root" / "chest")
    (tmp_path / "root" / "broken").symlink_to(tmp_path / "nothing")
    return tmp_path / "root"


@pytest.mark.parametrize("typed", ["chest", "chest/a", "chest/../chest", "way-in", " chest ", '"chest"'])
def test_what_lies_under_a_root_is_found(root: Path, typed: str) -> None:
    assert resolve(typed, [root]).is_relative_to(root)


def test_an_absolute_path_under_a_root_is_found(root: Path) -> None:
    assert resolve(str(root / "chest"), [root]) == root / "chest"
    assert resolve(str(root), [root]) == root


@pytest.mark.parametrize(
    "typed",
    ["..", "../outside", "chest/../../outside/secret", "/", "/etc", "/proc/self", "way-out", "way-out/secret", "absent",
     "broken", "\\\\server\\share", "//server/share", "chest\x00", "", "   "],
)  # fmt: skip
def test_everything_else_is_refused_with_what_to_do(root: Path, typed: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve(typed, [root])
    assert caught.value.todo


def test_system_folders_are_refused_even_under_a_root() -> None:
    assert not allowed(Path("/proc/self"), [Path("/")])
    assert allowed(Path("/usr"), [Path("/")])


@given(st.text(max_size=60))
def test_no_typed_text_leads_out(typed: str) -> None:
    root = Path(__file__).resolve().parent
    try:
        found = resolve(typed, [root])
    except InputError:
        return
    assert found.is_relative_to(root)


def test_a_folder_without_permission_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="no permission"):
        resolve("chest", [root])


def test_names_are_told_from_the_root_on(root: Path) -> None:
    assert relative_name(root / "chest" / "a", [root]) == "root/chest/a"
    assert relative_name(root, [root]) == "root"
    assert relative_name(Path("/elsewhere/b"), [root]) == "b"


def test_folders_inside_leave_out_hidden_ones_and_ways_out(root: Path) -> None:
    assert [folder.name for folder in folders_in(root, [root])] == ["chest", "way-in"]
    assert folders_in(root / "absent", [root]) == []
