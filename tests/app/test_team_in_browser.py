"""A team's app against a throw-away provider: sign-in, no page without a role, idle hours, signing out."""

from __future__ import annotations

from pathlib import Path

from tests.app.provider import providing
from tests.app.serving import IN_BROWSER, Server
from workbench.runs.audit_log import entries
from workbench.runs.database import connect
from workbench.runs.people import IDLE_S, give_role, people
from workbench.runs.workspace import Workspace

pytestmark = IN_BROWSER


def sign_in(page) -> None:
    page.get_by_role("button", name="Sign in").click()


def test_roles_decide_what_a_signed_in_person_sees(furnished: Workspace, tmp_path: Path, browser) -> None:
    with providing() as provider:
        file = tmp_path / "secrets.toml"
        file.write_text(
            f'[auth]\nredirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"\ncookie_secret = "{"x" * 40}"\n'
            f'client_id = "bench"\nclient_secret = "s"\n'
            f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
        )
        server = Server(furnished, f"sign_in={file}", "owners=[sub-1]")
        try:
            assert server.cookie is None
            page = browser.new_page()
            page.goto(f"{server.url}/")
            page.get_by_text("Sign in with your organisation's account.").wait_for(timeout=30_000)
            assert page.get_by_text("chest").count() == 0
            sign_in(page)
            page.get_by_text("Signed in as Olga (owner)").wait_for(timeout=30_000)

            page.get_by_role("button", name="Sign out").click()
            page.get_by_role("button", name="Sign in").wait_for(timeout=30_000)
            provider.next = {"sub": "sub-2", "name": "<b>Lena</b>"}
            sign_in(page)
            page.get_by_text("nobody has given you a role here yet").wait_for(timeout=30_000)
            assert page.get_by_text("<b>Lena</b>").count() == 1 and page.get_by_text("sub-2").count() == 1
            page.goto(f"{server.url}/look")
            page.get_by_text("nobody has given you a role here yet").wait_for(timeout=30_000)
            assert page.locator(".grid").count() == 0

            give_role(furnished, "sub-2", "reader", who="sub-1")
            page.goto(f"{server.url}/")
            page.get_by_text("(reader)").wait_for(timeout=30_000)
            with connect(furnished) as connection:
                connection.execute("UPDATE people SET seen = seen - ? WHERE account = 'sub-2'", (IDLE_S + 1,))
            page.reload()
            page.get_by_role("button", name="Sign in").wait_for(timeout=30_000)
            assert page.get_by_text("(reader)").count() == 0
        finally:
            server.close()
    assert [(one.account, one.role) for one in people(furnished)] == [("sub-2", "reader"), ("sub-1", "owner")]
    assert [(one.event, one.who) for one in reversed(entries(furnished))] == [
        ("sign-in", "sub-1"), ("sign-out", "sub-1"), ("sign-in", "sub-2"), ("role", "sub-1"),
    ]  # fmt: skip
