"""The address of a PACS: DICOMweb (``https://host/dicom-web``) or classic DICOM (``dicoms://AETITLE@host:port``)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from workbench.errors import InputError

WEB = "dicomweb"
CLASSIC = "dimse"
_SCHEMES = {"https": (WEB, True, 443), "http": (WEB, False, 80), "dicoms": (CLASSIC, True, 2762)}
_SCHEMES["dicom"] = (CLASSIC, False, 104)
_FORMS = "Write https://HOST/PATH for DICOMweb, or dicoms://AETITLE@HOST:PORT for a classic PACS."
_AE_TITLE = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,16}")


@dataclass(frozen=True)
class ServerAddress:
    """Where a PACS listens.

    Attributes:
        kind: ``dicomweb`` or ``dimse``.
        secure: Whether the connection is encrypted (TLS).
        host: Name or IP address.
        port: TCP port.
        path: Path of the DICOMweb root, without a slash at its end.
        ae_title: Application entity title of a classic PACS (PS3.8), else empty.
    """

    kind: str
    secure: bool
    host: str
    port: int
    path: str = ""
    ae_title: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.kind == WEB:
            return f"{'https' if self.secure else 'http'}://{host}:{self.port}{self.path}"
        return f"{'dicoms' if self.secure else 'dicom'}://{self.ae_title}@{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is this computer, so that nothing crosses a network."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def require_encryption(self, *, allow_plain: bool) -> None:
        """Refuse an unencrypted connection that leaves this computer.

        Raises:
            InputError: It would, and ``allow_plain`` is false.
        """
        if self.secure or self.is_loopback or allow_plain:
            return
        scheme = "https" if self.kind == WEB else "dicoms"
        raise InputError(
            "This address is not encrypted: names, pictures and the password would cross the network in clear.",
            where=self,
            todo=f"Use the server's {scheme}:// address; if it has none and the network is closed, "
            "set allow_plain_http=true.",
        )


def parse_address(text: str) -> ServerAddress:
    """Read an address.

    Raises:
        InputError: It has another form, or holds a user's name, a password or a token. The text is not quoted then.
    """
    parts = urlsplit(text.strip())
    if parts.scheme.lower() not in _SCHEMES:
        raise InputError("The server's address has none of the known forms.", todo=_FORMS)
    kind, secure, usual_port = _SCHEMES[parts.scheme.lower()]
    host, port = _host_and_port(parts, usual_port)
    if parts.query or parts.fragment or parts.password or (kind == WEB and parts.username is not None):
        raise InputError(
            "The server's address holds more than an address: credentials never go into settings.",
            where=f"{parts.scheme}://{host}:{port}",
            todo="Take out user, password and everything after '?'; "
            "set WORKBENCH_PACS_USER and WORKBENCH_PACS_PASSWORD, or WORKBENCH_PACS_TOKEN.",
        )
    if kind == WEB:
        return ServerAddress(kind, secure, host, port, path=parts.path.rstrip("/"))
    title = unquote(parts.username or "").strip()
    if not title or parts.path.strip("/"):
        raise InputError(
            "The address of a classic PACS needs its AE title, and nothing behind the port.",
            where=f"{parts.scheme}://{host}:{port}",
            todo=f"Write {parts.scheme}://AETITLE@{host}:{port}; your PACS administrator knows the title.",
        )
    check_ae_title(title, "the server")
    return ServerAddress(kind, secure, host, port, ae_title=title)


def check_ae_title(title: str, whose: str) -> str:
    """``title``, if it can be an AE title: 1 to 16 characters of plain ASCII without a backslash (PS3.5, VR AE).

    Raises:
        InputError: It cannot.
    """
    if not _AE_TITLE.fullmatch(title) or not title.strip():
        raise InputError(
            f"The AE title of {whose} must have 1 to 16 plain characters.", where=repr(title), todo="Correct the title."
        )
    return title


def _host_and_port(parts: SplitResult, usual: int) -> tuple[str, int]:
    try:
        host, port = parts.hostname, parts.port or usual
    except ValueError:
        host, port = None, usual
    if not host:
        raise InputError("The server's address lacks a host, or its port is no number.", todo=_FORMS)
    return host, port
