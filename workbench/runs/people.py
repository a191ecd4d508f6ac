"""The people of a team and what they may do; an account is the sign-in's ``sub`` (OpenID Connect Core 1.0, section 2),
which stays when a name or an e-mail address changes."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from workbench.errors import InputError
from workbench.runs.audit_log import write
from workbench.runs.database import connect
from workbench.runs.workspace import Workspace

IDLE_S = 8 * 3600.0
ROLES = {
    "none": frozenset[str](),
    "reader": frozenset({"look"}),
    "labeller": frozenset({"look", "label", "review"}),
    "admin": frozenset({"look", "label", "review", "decide", "start", "approve", "manage"}),
    "owner": frozenset({"look", "label", "review", "decide", "start", "approve", "manage"}),
}
"""What each role may do. Owners differ from admins in this: only owners make owners, and one always remains."""


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in.

    Attributes:
        account: The sign-in's ``sub``.
        name: What the sign-in calls them.
        issuer: The sign-in that vouches for the account.
        role: One of ``ROLES``; 'none' until somebody gives them another.
        signed: Unix time of their last sign-in, as the sign-in tells it (``iat``); an older one is used up.
        seen: Unix time at which they last did something; 0 after signing out.
    """

    account: str
    name: str
    issuer: str
    role: str
    signed: float
    seen: float

    def may(self, action: str) -> bool:
        """Whether their role allows an action."""
        return action in ROLES.get(self.role, ROLES["none"])


def people(workspace: Workspace) -> list[Person]:
    """Everybody who has signed in, by name."""
    with connect(workspace) as connection:
        rows = connection.execute("SELECT * FROM people ORDER BY name, account").fetchall()
    return [_person(row) for row in rows]


def person(workspace: Workspace, account: str) -> Person | None:
    """Somebody by their account; None if they have never signed in."""
    with connect(workspace) as connection:
        row = connection.execute("SELECT * FROM people WHERE account = ?", (account,)).fetchone()
    return _person(row) if row else None


def sign_in(
    workspace: Workspace,
    account: str,
    name: str,
    issuer: str,
    *,
    owners: list[str],
    signed: float = 0.0,
    now: float | None = None,
) -> Person:
    """Note that somebody has signed in. Newcomers have no role, but for the accounts named as owners.

    Raises:
        InputError: The account is known from another sign-in.
    """
    moment = time.time() if now is None else now
    with connect(workspace) as connection:
        row = connection.execute("SELECT * FROM people WHERE account = ?", (account,)).fetchone()
        if row and row["issuer"] != issuer:
            raise InputError(
                "This account is known from another sign-in.", where=account, todo="Ask the owner of this workspace."
            )
        role = "owner" if account in owners else row["role"] if row else "none"
        connection.execute(
            "INSERT OR REPLACE INTO people (account, name, issuer, role, signed, seen) VALUES (?, ?, ?, ?, ?, ?)",
            (account, name, issuer, role, signed, moment),
        )
        write(connection, "sign-in", account, account, {"name": name, "role": role}, now=moment)
    return Person(account, name, issuer, role, signed, moment)


def seen(workspace: Workspace, account: str, *, now: float | None = None) -> bool:
    """Note that somebody did something; False if they have been idle for more than eight hours, or signed out."""
    moment = time.time() if now is None else now
    with connect(workspace) as connection:
        done = connection.execute(
            "UPDATE people SET seen = max(seen, ?) WHERE account = ? AND seen >= ?", (moment, account, moment - IDLE_S)
        )
    return done.rowcount == 1


def sign_out(workspace: Workspace, account: str) -> None:
    """Note that somebody has signed out; their other windows are out with them."""
    with connect(workspace) as connection:
        connection.execute("UPDATE people SET seen = 0 WHERE account = ?", (account,))
        write(connection, "sign-out", account, account, {})


def give_role(workspace: Workspace, account: str, role: str, *, who: str) -> None:
    """Give somebody a role.

    Raises:
        InputError: There is no such role or person, ``who`` may not give it, or the last owner would be gone.
    """
    if role not in ROLES:
        raise InputError(f"There is no role '{role}'.", todo=f"Choose one of {', '.join(ROLES)}.")
    with connect(workspace) as connection:
        known = {row["account"]: _person(row) for row in connection.execute("SELECT * FROM people")}
        giver, other = known.get(who), known.get(account)
        if other is None:
            raise InputError(
                "Nobody with this account has signed in yet.", where=account, todo="Let them sign in once."
            )
        if giver is None or not giver.may("manage"):
            raise InputError("Only admins and owners give roles.", where=who, todo="Ask one of them.")
        if "owner" in (role, other.role) and giver.role != "owner":
            raise InputError("Only owners make owners, or change an owner's role.", todo="Ask an owner.")
        if other.role == "owner" and role != "owner" and sum(one.role == "owner" for one in known.values()) == 1:
            raise InputError("A workspace needs an owner, and this is the last one.", todo="Make another owner first.")
        if role != other.role:
            connection.execute("UPDATE people SET role = ? WHERE account = ?", (role, account))
            write(connection, "role", account, who, {"before": other.role, "after": role})


def _person(row: sqlite3.Row) -> Person:
    return Person(row["account"], row["name"], row["issuer"], row["role"], row["signed"], row["seen"])
