from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import InputError
from workbench.runs.sign_in import check_reach, loopback, team_address

WHOLE = {
    "redirect_uri": "https://bench.example.org/oauth2callback",
    "cookie_secret": "x" * 32,
    "client_id": "bench",
    "client_secret": "s",
    "server_metadata_url": "https://login.example.org/.well-known/openid-configuration",
}


def written(file: Path, **changes: str | None) -> Path:
    values = {name: value for name, value in {**WHOLE, **changes}.items() if value is not None}
    file.write_text("[auth]\n" + "".join(f'{name} = "{value}"\n' for name, value in values.items()))
    return file


def test_a_whole_section_gives_the_address_of_the_team(tmp_path: Path) -> None:
    assert team_address(written(tmp_path / "s.toml")) == "https://bench.example.org"
    assert team_address(tmp_path / "absent.toml") == ""
    (tmp_path / "other.toml").write_text("[database]\nhost = 'x'\n")
    assert team_address(tmp_path / "other.toml") == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_secret": None, "client_id": ""}, "lacks client_id, client_secret"),
        ({"cookie_secret": "short"}, "fewer than 32"),
        ({"redirect_uri": "https://bench.example.org/"}, "oauth2callback"),
        ({"expose_tokens": "id"}, "tokens"),
    ],
)
def test_half_a_sign_in_is_refused(tmp_path: Path, changes: dict[str, str | None], words: str) -> None:
    with pytest.raises(InputError, match=words):
        team_address(written(tmp_path / "s.toml", **changes))


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("[auth\n")
    with pytest.raises(InputError, match="cannot be read"):
        team_address(tmp_path / "s.toml")


@pytest.mark.parametrize(
    ("address", "here"),
    [("127.0.0.1", True), ("127.0.0.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("", False), ("10.0.0.4", False), ("bench.example.org", False)],
)  # fmt: skip
def test_only_the_machines_own_address_needs_no_sign_in(address: str, here: bool) -> None:
    assert loopback(address) == here
    check_reach(address, team=True)
    if here:
        check_reach(address, team=False)
    else:
        with pytest.raises(InputError, match="before a sign-in"):
            check_reach(address, team=False)
