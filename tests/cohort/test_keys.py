from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from workbench.cohort.keys import SiteKey, site_key
from workbench.errors import InputError, OperationFailed

KEY = SiteKey(bytes(range(32)))


def test_keys_have_exact_values_under_a_known_secret():
    assert KEY.patient("", "12345") == "PQV4KAHWBKJO7QCAG"
    assert KEY.fingerprint == hashlib.sha256(bytes(range(32))).hexdigest()[:8] == "630dcd29"
    assert KEY.uid("1.2.3") == f"2.25.{int.from_bytes(KEY.digest('uid|1.2.3')[:16], 'big')}"
    assert len(KEY.scan("2.25.1", 0)) == 17


def test_patient_key_ignores_blanks_around_the_id_and_minds_the_issuer():
    assert KEY.patient("", " 12345 ") == KEY.patient("", "12345")
    assert KEY.patient("A", "12345") != KEY.patient("B", "12345")
    assert KEY.unknown_patient("1.2") != KEY.patient("", "1.2")


def test_another_secret_gives_other_keys():
    assert SiteKey(bytes(32)).patient("", "12345") != KEY.patient("", "12345")
    assert site_key(bytes(32)) is site_key(bytes(32))


def test_uid_keys_are_valid_uids_of_at_most_44_characters():
    key = KEY.uid("1.2.840.113619.2.55.3")
    assert key.startswith("2.25.") and len(key) <= 44 and key[5:].isdigit()


def test_shares_are_spread_evenly():
    shares = [KEY.share(f"x{number}") for number in range(2000)]
    assert min(shares) >= 0 and max(shares) < 1
    assert abs(sum(share < 0.25 for share in shares) / 2000 - 0.25) < 0.03


def test_key_is_made_once_with_mode_0600_and_never_shown(tmp_path: Path, monkeypatch, capsys):
    file = tmp_path / "deep" / "site.key"
    monkeypatch.setenv("WORKBENCH_SITE_KEY_FILE", str(file))
    first = SiteKey.load()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == 32
    assert SiteKey.load().fingerprint == first.fingerprint
    assert "Keep a copy" in capsys.readouterr().err
    assert first.secret.hex() not in repr(first) and first.fingerprint in repr(first)


def test_default_place_is_under_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("WORKBENCH_SITE_KEY_FILE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert SiteKey.file() == tmp_path / ".config" / "workbench" / "site.key"


def test_wrong_length_and_unreadable_keys_are_explained(tmp_path, monkeypatch):
    file = tmp_path / "site.key"
    file.write_bytes(b"short")
    monkeypatch.setenv("WORKBENCH_SITE_KEY_FILE", str(file))
    with pytest.raises(InputError, match="must be 32 bytes; this file has 5"):
        SiteKey.load()
    monkeypatch.setenv("WORKBENCH_SITE_KEY_FILE", str(file / "below" / "a-file"))
    with pytest.raises(OperationFailed, match="cannot be read or made"):
        SiteKey.load()
