"""What the signed-in person may do; pages ask before they show a button, and again in what the button does."""

from __future__ import annotations

import time

from app.signed_in import signed_in
from app.surroundings import workspace
from app.team import team
from workbench.errors import InputError
from workbench.runs.people import IDLE_S, ROLES, person

ACTIONS = {
    "look": "look at pictures and results",
    "label": "label",
    "review": "review",
    "decide": "decide about a collection",
    "start": "start jobs",
    "approve": "approve or release models",
    "manage": "manage people and settings",
}


def allowed(action: str, user: str | None = None) -> bool:
    """Whether somebody may do something: everything for the only user of their own computer, else by role.

    Args:
        action: One of ``ACTIONS``.
        user: Their account; whoever uses the page if None.
    """
    account = signed_in() if user is None else user
    if not team():
        return bool(account)
    found = person(workspace(), account)
    return found is not None and found.may(action) and time.time() - found.seen <= IDLE_S


def require(action: str) -> None:
    """Let nobody on who may not do something.

    Raises:
        InputError: Their role does not allow it.
    """
    if not allowed(action):
        roles = " or ".join(role for role, actions in ROLES.items() if action in actions)
        raise InputError(f"Your role does not let you {ACTIONS[action]}.", todo=f"Ask an admin for the role {roles}.")
