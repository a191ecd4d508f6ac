"""Who we are to a DICOMweb server: from the environment or the keyring of the operating system, from nowhere else."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import Any

from workbench.errors import InputError

USER, PASSWORD, TOKEN = "WORKBENCH_PACS_USER", "WORKBENCH_PACS_PASSWORD", "WORKBENCH_PACS_TOKEN"
KEYRING_SERVICE = "workbench-pacs:"
TOKEN_USER = "token"


@dataclass(frozen=True, repr=False)
class Credentials:
    """A user with password, or a bearer token (RFC 6750), or neither; never shown.

    Attributes:
        user, password: For HTTP basic authentication (RFC 7617).
        token: For bearer authentication.
        origin: Where they came from, in words.
    """

    user: str = ""
    password: str = ""
    token: str = ""
    origin: str = "nowhere"

    def __repr__(self) -> str:
        return f"Credentials(from {self.origin})"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self.user or self.token)

    def __reduce__(self) -> Any:
        raise TypeError("Credentials do not leave the process that read them.")


def find_credentials(host: str) -> Credentials:
    """The credentials for ``host``: ``WORKBENCH_PACS_TOKEN``, or ``WORKBENCH_PACS_USER`` and ``..._PASSWORD``; else the
    keyring's entry ``workbench-pacs:HOST`` (user ``token`` marks a bearer token).

    Raises:
        InputError: A user is named without a password, or a password without a user.
    """
    user, password, token = (os.environ.get(name, "") for name in (USER, PASSWORD, TOKEN))
    if token:
        return Credentials(token=token, origin="the environment")
    if user and password:
        return Credentials(user, password, origin="the environment")
    if password:
        raise InputError(f"{PASSWORD} is set, {USER} is not.", todo=f"Set {USER} too.")
    found = _from_keyring(KEYRING_SERVICE + host, user)
    if user and not found:
        raise InputError(
            f"{USER} is set, but there is neither {PASSWORD} nor an entry of that user in the keyring.",
            todo=f"Set {PASSWORD}, or run: keyring set {KEYRING_SERVICE}{host} {user}",
        )
    return found


def _from_keyring(service: str, user: str) -> Credentials:
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        return Credentials()
    try:
        if user:
            password = keyring.get_password(service, user)
        else:
            entry = keyring.get_credential(service, None)
            user, password = (entry.username, entry.password) if entry else ("", None)
    except Exception:  # every backend has errors of its own; one that is locked or absent holds nothing for us
        return Credentials()
    if not password:
        return Credentials()
    if user == TOKEN_USER:
        return Credentials(token=password, origin="the keyring")
    return Credentials(user, password, origin="the keyring")
