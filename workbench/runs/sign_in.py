"""How people get into the app: one person by a link, a team by the hospital's sign-in (OpenID Connect).

The provider stands in a TOML file as Streamlit reads it: section ``[auth]`` with ``redirect_uri``, ``cookie_secret``,
``client_id``, ``client_secret`` and ``server_metadata_url``.
"""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path

from workbench.errors import InputError

ENTRY = "entry"
ENTRY_VARIABLE = "WORKBENCH_ENTRY"
OWNERS_VARIABLE = "WORKBENCH_OWNERS"
NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
SECRET_LENGTH = 32


def team_address(file: Path) -> str:
    """Where a team opens the app, from the file's section ``[auth]``; '' when there is none.

    Raises:
        InputError: The file cannot be read, or the section lacks something that signing in needs.
    """
    if not file.is_file():
        return ""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            "The settings of the sign-in cannot be read.", where=file, todo="Write them as TOML."
        ) from error
    section = content.get("auth")
    if section is None:
        return ""
    lacking = [name for name in NEEDED if not (isinstance(section, dict) and section.get(name))]
    if lacking:
        raise InputError(f"The sign-in lacks {', '.join(lacking)}.", where=f"{file} [auth]", todo="Fill them in.")
    if len(str(section["cookie_secret"])) < SECRET_LENGTH:
        raise InputError(
            f"The sign-in's cookie_secret has fewer than {SECRET_LENGTH} characters.",
            where=f"{file} [auth]",
            todo='Make one: python -c "import secrets; print(secrets.token_urlsafe(32))".',
        )
    if not str(section["redirect_uri"]).endswith("/oauth2callback"):
        raise InputError(
            "The sign-in's redirect_uri must end with /oauth2callback.", where=f"{file} [auth]", todo="Correct it."
        )
    if section.get("expose_tokens"):
        raise InputError(
            "The sign-in would hand the provider's tokens to the pages, which need none.",
            where=f"{file} [auth]",
            todo="Remove expose_tokens.",
        )
    return str(section["redirect_uri"]).removesuffix("/oauth2callback")


def loopback(address: str) -> bool:
    """Whether only this machine reaches a server that listens at ``address``."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def check_reach(address: str, *, team: bool) -> None:
    """See that an app which others can reach asks them who they are.

    Raises:
        InputError: It listens elsewhere than on this machine's own address, and no sign-in is set up.
    """
    if not team and not loopback(address):
        raise InputError(
            "The app does not open to other machines before a sign-in (OpenID Connect) is set up.",
            where=f"address {address or '(every address)'}",
            todo="Leave the address at 127.0.0.1, or set up [auth] in .streamlit/secrets.toml first.",
        )
