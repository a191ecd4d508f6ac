from __future__ import annotations

import pickle
import sys
from types import SimpleNamespace

import pytest

from workbench.errors import InputError
from workbench.sources.pacs.credentials import Credentials, find_credentials


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"WORKBENCH_PACS_{name}", raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)


def keyring(monkeypatch: pytest.MonkeyPatch, entries: dict[tuple[str, str], str]) -> None:
    """A keyring of the operating system, with these entries."""

    def get_credential(service: str, user: None) -> SimpleNamespace | None:
        for (name, owner), password in entries.items():
            if name == service:
                return SimpleNamespace(username=owner, password=password)
        return None

    backend = SimpleNamespace(
        get_password=lambda service, user: entries.get((service, user)), get_credential=get_credential
    )
    monkeypatch.setitem(sys.modules, "keyring", backend)


def test_without_any_there_are_none():
    assert not find_credentials("pacs")


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKBENCH_PACS_USER", "reader")
    monkeypatch.setenv("WORKBENCH_PACS_PASSWORD", "secret")
    assert find_credentials("pacs") == Credentials("reader", "secret", origin="the environment")
    monkeypatch.setenv("WORKBENCH_PACS_TOKEN", "abc")
    assert find_credentials("pacs") == Credentials(token="abc", origin="the environment")


def test_half_of_a_login_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKBENCH_PACS_PASSWORD", "secret")
    with pytest.raises(InputError, match="PASSWORD is set, WORKBENCH_PACS_USER is not") as caught:
        find_credentials("pacs")
    assert "secret" not in str(caught.value)
    monkeypatch.delenv("WORKBENCH_PACS_PASSWORD")
    monkeypatch.setenv("WORKBENCH_PACS_USER", "reader")
    with pytest.raises(InputError, match="neither") as caught:
        find_credentials("pacs")
    assert "keyring set workbench-pacs:pacs reader" in caught.value.todo


def test_from_the_keyring(monkeypatch: pytest.MonkeyPatch):
    entries = {("workbench-pacs:a", "reader"): "secret", ("workbench-pacs:b", "token"): "abc"}
    keyring(monkeypatch, entries)
    assert find_credentials("a") == Credentials("reader", "secret", origin="the keyring")
    assert find_credentials("b") == Credentials(token="abc", origin="the keyring")
    assert not find_credentials("c")
    monkeypatch.setenv("WORKBENCH_PACS_USER", "reader")
    assert find_credentials("a") == Credentials("reader", "secret", origin="the keyring")


def test_a_keyring_that_is_locked_or_has_no_backend_holds_nothing(monkeypatch: pytest.MonkeyPatch):
    def locked(*words: object) -> None:
        raise RuntimeError("No recommended backend was available.")

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_credential=locked, get_password=locked))
    assert not find_credentials("pacs")


def test_they_are_never_shown_and_never_sent_to_another_process():
    credentials = Credentials("reader", "secret", "abc", "the environment")
    assert repr(credentials) == str(credentials) == f"{credentials}" == "Credentials(from the environment)"
    with pytest.raises(TypeError):
        pickle.dumps(credentials)
