"""Associations with a classic PACS (PS3.8): opened when needed, kept while they live, failures told in sentences."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from workbench.dicom.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from workbench.errors import InputError
from workbench.sources.pacs.address import ServerAddress
from workbench.sources.pacs.archive import AGAIN, ALL, ArchiveProblem

CONNECT_S = 10.0
NEGOTIATE_S = 30.0
MAX_PDU = 131072
OPENINGS = 4


@dataclass(frozen=True)
class Certificates:
    """PEM files for TLS.

    Attributes:
        ca_file: Authorities to trust; the system's when None.
        client_cert, client_key: Our own certificate and its key.
    """

    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None

    def context(self, *, as_server: bool = False) -> ssl.SSLContext:
        """A TLS context; as a server it asks the peer for a certificate too where authorities are named.

        Raises:
            InputError: A file is absent or no certificate, or a server has none.
        """
        purpose = ssl.Purpose.CLIENT_AUTH if as_server else ssl.Purpose.SERVER_AUTH
        if as_server and self.client_cert is None:
            raise InputError(
                "To receive over TLS, this computer needs a certificate of its own.",
                where="client_cert",
                todo="Name client_cert=FILE.pem and client_key=FILE.pem, or use retrieve=get.",
            )
        try:
            context = ssl.create_default_context(purpose, cafile=self.ca_file)
            if self.client_cert is not None:
                context.load_cert_chain(self.client_cert, self.client_key)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                "A certificate file is absent or cannot be used.",
                where=", ".join(str(file) for file in (self.ca_file, self.client_cert, self.client_key) if file),
                todo="Give files in PEM form; the key must be the certificate's and without a password.",
            ) from error
        if as_server and self.ca_file is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class BrokenOff(ArchiveProblem):
    """The server closed the connection while it was being opened; its reason may have been lost on the way."""


class Caller:
    """Opens associations with one PACS, one at a time: servers allow few.

    Args:
        address: Of the PACS.
        ae_title: Ours.
        timeout_s: Seconds that the PACS may be silent within an operation.
        certificates: For ``dicoms://``.
    """

    def __init__(
        self, address: ServerAddress, ae_title: str, *, timeout_s: float, certificates: Certificates | None = None
    ) -> None:
        self.address = address
        self.ae_title = ae_title
        self._timeout_s = timeout_s
        context = (certificates or Certificates()).context() if address.secure else None
        self._tls = (context, address.host) if context is not None else None
        self._purpose = ""
        self._kept: Association | None = None

    def association(
        self,
        purpose: str,
        contexts: Sequence[PresentationContext],
        *,
        roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
        handlers: Sequence[Any] = (),
    ) -> Association:
        """The association that is open for ``purpose``; one for another purpose is released first.

        Raises:
            ArchiveProblem: It cannot be opened.
        """
        if self._kept is not None and self._kept.is_established and self._purpose == purpose:
            return self._kept
        self.close()
        opened = self._open_patiently(contexts, roles, handlers)
        self._kept, self._purpose = opened, purpose
        return opened

    def drop(self) -> None:
        """Break off: what the server still sends belongs to nothing."""
        kept, self._kept = self._kept, None
        if kept is not None and kept.is_established:
            kept.abort()

    def close(self) -> None:
        """Release the association."""
        kept, self._kept = self._kept, None
        if kept is not None and kept.is_established:
            kept.release()

    def _open_patiently(
        self, contexts: Sequence[PresentationContext], roles: Sequence[Any], handlers: Sequence[Any]
    ) -> Any:
        """Open; again where the server broke off, for a server that rejects and closes at once may not be heard."""
        for _ in range(OPENINGS - 1):
            try:
                return self._open(contexts, roles, handlers)
            except BrokenOff:
                time.sleep(0.1)
        return self._open(contexts, roles, handlers)

    def _open(self, contexts: Sequence[PresentationContext], roles: Sequence[Any], handlers: Sequence[Any]) -> Any:
        entity = AE(ae_title=self.ae_title)
        entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        entity.maximum_pdu_size = MAX_PDU
        entity.connection_timeout = CONNECT_S
        entity.acse_timeout = NEGOTIATE_S
        entity.dimse_timeout = self._timeout_s
        entity.network_timeout = self._timeout_s
        connected: list[bool] = []
        association = entity.associate(
            self.address.host,
            self.address.port,
            contexts=list(contexts),
            ae_title=self.address.ae_title,
            max_pdu=MAX_PDU,
            ext_neg=list(roles),
            tls_args=self._tls,
            evt_handlers=[(evt.EVT_CONN_OPEN, lambda event: connected.append(True)), *handlers],
        )
        if association.is_established:
            return association
        if association.is_rejected:
            raise self._rejected(association)
        if not connected:
            raise ArchiveProblem(
                "The server cannot be reached" + (", or it does not speak TLS with us." if self._tls else "."),
                where=self.address,
                todo="Check host, port and firewall, that the server is running"
                + (", and the certificates." if self._tls else "."),
                scope=AGAIN,
            )
        if association.acceptor.primitive is not None:
            raise ArchiveProblem(
                "The server offers none of the services that are needed.",
                where=self.address,
                todo="Ask its administrator to allow query and retrieve to our AE title "
                f"'{self.ae_title}'; where C-GET is not offered, use retrieve=move.",
                scope=ALL,
            )
        raise BrokenOff(
            "The server broke off while the connection was being opened.",
            where=self.address,
            todo=f"Is our AE title '{self.ae_title}' registered there? Does it expect TLS (dicoms://)?",
            scope=AGAIN,
        )

    def _rejected(self, association: Association) -> ArchiveProblem:
        answer = association.acceptor.primitive
        source, reason = getattr(answer, "result_source", None), getattr(answer, "diagnostic", None)
        if (source, reason) == (1, 7):
            return ArchiveProblem(
                f"The server does not go by the AE title '{self.address.ae_title}'.",
                where=self.address,
                todo="Correct the AE title in the address; capitals count.",
                scope=ALL,
            )
        if (source, reason) == (1, 3):
            return ArchiveProblem(
                f"The server does not know our AE title '{self.ae_title}'.",
                where=self.address,
                todo="Have it registered by the PACS administrator, with this computer's address and port, "
                "or give the registered one as ae_title=TITLE.",
                scope=ALL,
            )
        if source == 3:
            return ArchiveProblem(
                "The server is busy and takes no further connection.",
                where=self.address,
                todo="Try again later.",
                scope=AGAIN,
            )
        return ArchiveProblem(
            "The server rejects the connection without saying why.",
            where=self.address,
            todo=f"Ask its administrator whether our AE title '{self.ae_title}' and this computer are registered.",
            scope=ALL,
        )
