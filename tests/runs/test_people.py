from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import InputError
from workbench.runs.audit_log import entries
from workbench.runs.people import IDLE_S, ROLES, give_role, people, person, seen, sign_in, sign_out
from workbench.runs.workspace import Workspace

ISSUER = "https://login.example.org"


@pytest.fixture
def team(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    sign_in(workspace, "1", "Olga", ISSUER, owners=["1"])
    for account, name in (("2", "Adam"), ("3", "Lena")):
        sign_in(workspace, account, name, ISSUER, owners=["1"])
    return workspace


def role_of(workspace: Workspace, account: str) -> str:
    found = person(workspace, account)
    assert found is not None
    return found.role


def test_newcomers_may_nothing_until_they_have_a_role(team: Workspace) -> None:
    assert [(one.name, one.role) for one in people(team)] == [("Adam", "none"), ("Lena", "none"), ("Olga", "owner")]
    assert not any(one.may("look") for one in people(team) if one.role == "none")
    assert person(team, "9") is None


def test_each_role_may_more_than_the_one_before() -> None:
    assert ROLES["none"] < ROLES["reader"] < ROLES["labeller"] < ROLES["admin"] == ROLES["owner"]


def test_a_name_may_change_and_the_role_stays(team: Workspace) -> None:
    give_role(team, "3", "labeller", who="1")
    assert sign_in(team, "3", "Lena M.", ISSUER, owners=[]).role == "labeller"
    assert role_of(team, "3") == "labeller"


def test_the_same_account_of_another_sign_in_is_somebody_else(team: Workspace) -> None:
    with pytest.raises(InputError, match="another sign-in"):
        sign_in(team, "1", "Mallory", "https://elsewhere.example.org", owners=[])
    assert [one.name for one in people(team)] == ["Adam", "Lena", "Olga"]


def test_who_may_give_which_role(team: Workspace) -> None:
    give_role(team, "2", "admin", who="1")
    give_role(team, "3", "reader", who="2")
    for account, role, who, words in (
        ("3", "labeller", "3", "Only admins"),
        ("3", "labeller", "9", "Only admins"),
        ("2", "owner", "2", "Only owners"),
        ("1", "reader", "2", "Only owners"),
        ("1", "reader", "1", "last one"),
        ("9", "reader", "1", "has signed in"),
        ("3", "god", "1", "no role"),
    ):
        with pytest.raises(InputError, match=words):
            give_role(team, account, role, who=who)
    assert [role_of(team, account) for account in "123"] == ["owner", "admin", "reader"]
    give_role(team, "2", "owner", who="1")
    give_role(team, "1", "reader", who="1")
    logged = [(one.who, one.subject, one.details["after"]) for one in entries(team, event="role")]
    assert logged == [("1", "1", "reader"), ("1", "2", "owner"), ("2", "3", "reader"), ("1", "2", "admin")]


def test_eight_idle_hours_end_a_sign_in(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert not seen(workspace, "1", now=1000.0)
    sign_in(workspace, "1", "Olga", ISSUER, owners=[], now=1000.0)
    assert seen(workspace, "1", now=1000.0 + IDLE_S)
    assert seen(workspace, "1", now=1000.0 + 2 * IDLE_S)
    assert not seen(workspace, "1", now=1001.0 + 3 * IDLE_S)
    assert not seen(workspace, "1", now=1002.0 + 3 * IDLE_S)
    sign_in(workspace, "1", "Olga", ISSUER, owners=[], now=1003.0 + 3 * IDLE_S)
    assert seen(workspace, "1", now=1004.0 + 3 * IDLE_S)
    sign_out(workspace, "1")
    assert not seen(workspace, "1")
