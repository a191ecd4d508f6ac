"""The site key, and the keyed hashes that stand in for DICOM identifiers.

HMAC-SHA256 under a secret of the site (RFC 2104): a plain hash of a hospital number could be undone by trying all
numbers. The same identifier gives the same key in every cohort of the site, so cohorts can be checked against each
other; without the key file nobody can tell which patient a key stands for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import sys
from functools import lru_cache
from pathlib import Path

from workbench.errors import InputError, OperationFailed

KEY_BYTES = 32
ENVIRONMENT = "WORKBENCH_SITE_KEY_FILE"


class SiteKey:
    """The secret of a site; it is never printed, and only its fingerprint is written anywhere.

    Args:
        secret: 32 random bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    def __repr__(self) -> str:
        return f"SiteKey(fingerprint={self.fingerprint!r})"

    @staticmethod
    def file() -> Path:
        """Where the key lies: ``WORKBENCH_SITE_KEY_FILE``, else ``~/.config/workbench/site.key``."""
        given = os.environ.get(ENVIRONMENT)
        return Path(given).expanduser() if given else Path.home() / ".config" / "workbench" / "site.key"

    @classmethod
    def load(cls) -> SiteKey:
        """The site's key, made at first use with mode 0600.

        Raises:
            InputError: The file holds something other than 32 bytes.
            OperationFailed: It can be neither read nor made.
        """
        file = cls.file()
        try:
            if not file.exists():
                return cls._make(file)
            secret = file.read_bytes()
        except OSError as error:
            raise OperationFailed(
                f"The site key cannot be read or made ({error.strerror}).",
                where=file,
                todo=f"Make the folder writable, or name another file in {ENVIRONMENT}.",
            ) from error
        if len(secret) != KEY_BYTES:
            raise InputError(
                f"The site key must be {KEY_BYTES} bytes; this file has {len(secret)}.",
                where=file,
                todo="Bring back the file from your backup; with another key, cohorts made before cannot be linked.",
            )
        return cls(secret)

    @classmethod
    def _make(cls, file: Path) -> SiteKey:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        secret = os.urandom(KEY_BYTES)
        temporary = file.with_name(f"{file.name}.{os.getpid()}")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(secret)
        try:
            os.link(temporary, file)  # fails if another process made the key meanwhile: then that one counts
        except FileExistsError:
            return cls(file.read_bytes())
        finally:
            temporary.unlink()
        print(
            f"A site key was made: {file}. Keep a copy in a safe place: "
            "without it, new scans cannot be linked to the patients of earlier cohorts.",
            file=sys.stderr,
        )
        return cls(secret)

    @property
    def fingerprint(self) -> str:
        """First 8 hexadecimal digits of the key's SHA-256; cohorts with different ones cannot be compared."""
        return hashlib.sha256(self.secret).hexdigest()[:8]

    def digest(self, text: str) -> bytes:
        """HMAC-SHA256 of ``text``, 32 bytes."""
        return _digest(self.secret, text)

    def word(self, letter: str, text: str) -> str:
        """A key of 80 bits: ``letter`` and 16 characters of base 32."""
        return letter + base64.b32encode(self.digest(text)[:10]).decode()

    def patient(self, issuer: str, patient_id: str) -> str:
        """Key of a patient: ``P`` and 16 characters, from the issuer and the stripped patient ID."""
        return self.word("P", f"pid|{issuer.strip()}|{patient_id.strip()}")

    def unknown_patient(self, study_uid: str) -> str:
        """Key of a patient without ID: the study stands in, so that nameless patients are never pooled."""
        return self.word("P", f"study|{study_uid}")

    def uid(self, uid: str) -> str:
        """Key of a UID: itself a UID under 2.25 (PS3.5 B.2), of 128 bits."""
        return f"2.25.{int.from_bytes(self.digest(f'uid|{uid.strip()}')[:16], 'big')}"

    def scan(self, instance_key: str, frame: int) -> str:
        """Key of a scan: ``S`` and 16 characters, from its instance's key and the frame's number from 0."""
        return self.word("S", f"scan|{instance_key}|{frame}")

    def path(self, path: str, member: str = "") -> str:
        """Key of a file by its absolute path and, inside an archive, the member's name."""
        return self.word("F", f"path|{path}|{member}")

    def device(self, station: str, institution: str = "") -> str:
        """Key of one machine, 8 characters, from its station name and institution."""
        return self.word("", f"device|{institution.strip()}|{station.strip()}")[:8]

    def link(self, kind: str, identifier: str) -> str:
        """Hash of a bare identifier, by which a label table's rows find their scans; 32 hexadecimal digits."""
        return self.digest(f"link|{kind}|{identifier.strip()}").hex()[:32]

    def share(self, text: str) -> float:
        """A number in [0, 1) that depends on ``text`` and the key alone."""
        return int.from_bytes(self.digest(text)[:8], "big") / 2**64


@lru_cache(maxsize=1024)
def _digest(secret: bytes, text: str) -> bytes:
    """The slices of a series share most of their identifiers."""
    return hmac.digest(secret, text.encode("utf-8", "surrogatepass"), "sha256")


@lru_cache(maxsize=8)
def site_key(secret: bytes) -> SiteKey:
    """The same key object for the same secret, for workers that receive the secret with every chunk."""
    return SiteKey(secret)
