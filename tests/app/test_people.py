from __future__ import annotations

import pytest

from app.roles import allowed, require
from workbench.errors import InputError
from workbench.runs.audit_log import log
from workbench.runs.people import give_role, person, sign_in


@pytest.fixture
def team(workspace, monkeypatch: pytest.MonkeyPatch):
    """A team in which the page's user is chosen by the test."""
    for account, name in (("1", "Olga"), ("2", "Lena")):
        sign_in(workspace, account, name, "https://login.example.org", owners=["1"])
    give_role(workspace, "2", "labeller", who="1")
    monkeypatch.setattr("app.team.team", lambda: True)
    monkeypatch.setattr("app.roles.team", lambda: True)

    def act_as(account: str) -> None:
        for place in ("app.team.account", "app.signed_in.account"):
            monkeypatch.setattr(place, lambda: account)

    act_as("1")
    return act_as


def test_the_only_user_may_everything_and_reads_how_to_make_a_team(screen) -> None:
    page = screen("people")
    assert page.title[0].value == "People and settings"
    assert "only user" in page.info[0].value
    assert allowed("manage") and allowed("start")


def test_the_log_is_empty_then_found(screen, workspace) -> None:
    assert "Nothing has been logged yet" in screen("people", view="Audit log").info[0].value
    log(workspace, "export", "model-7", "anna", kind="onnx")
    table = screen("people", view="Audit log").dataframe[0].value
    assert table[["Who", "What", "About"]].to_numpy().tolist() == [["anna", "Exported", "model-7"]]
    assert "matches" in screen("people", view="Audit log", find="ben").info[0].value


def test_keys_and_versions(screen, workspace) -> None:
    (workspace.root / "site.key").write_bytes(b"x")
    (workspace.root / "site.key").chmod(0o644)
    page = screen("people", view="This workspace")
    assert any("readable by others" in one.value for one in page.markdown)
    assert "streamlit" in page.table[0].value.index


def test_what_a_labeller_may_not_is_refused(team, workspace) -> None:
    team("2")
    require("label")
    for action in ("start", "decide", "approve", "manage"):
        with pytest.raises(InputError, match="does not let you"):
            require(action)
    assert not allowed("look", "nobody") and allowed("look", "2")


def test_an_owner_changes_roles_on_the_page_and_a_labeller_cannot(team, screen, workspace) -> None:
    import app.gate

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.gate, "team", lambda: False)
        page = screen("people")
        page.selectbox(key="role-2").select("reader").run()
        assert not page.exception
        found = person(workspace, "2")
        assert found is not None and found.role == "reader"
        team("2")
        assert all(box.disabled for box in screen("people").selectbox)
