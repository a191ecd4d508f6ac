"""Our own storage service (PS3.4 B.2, as SCP): what a PACS sends us after a C-MOVE lands on disk as it was encoded.

It takes only instances of the series that was asked for; everything else is refused with a status.
"""

from __future__ import annotations

import threading
from typing import Any

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt

from workbench.dicom.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from workbench.errors import OperationFailed
from workbench.sources.pacs.archive import FoundSeries
from workbench.sources.pacs.association import MAX_PDU, Certificates
from workbench.sources.pacs.landing import Landing, Stopped, Unusable

TAKEN = 0x0000
NOT_AUTHORISED = 0x0124
OUT_OF_RESOURCES = 0xA700
MISMATCH = 0xA900


class Reception:
    """Lands what C-STORE requests bring, for the series that is expected.

    Attributes:
        taken: Instances taken since ``expect``, repeated ones among them.
        refused: Instances refused since then.
        failure: What kept instances from being written.
        stopped: Set where somebody asked to stop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: tuple[FoundSeries, Landing] | None = None
        self.taken = self.refused = 0
        self.failure: OperationFailed | None = None
        self.stopped: Stopped | None = None

    def expect(self, series: FoundSeries | None, landing: Landing | None) -> None:
        """Take instances of this series, or of none."""
        with self._lock:
            self._expected = (series, landing) if series is not None and landing is not None else None
            self.taken = self.refused = 0
            self.failure = self.stopped = None

    def on_store(self, event: Any) -> int:
        """Handle ``EVT_C_STORE``; returns a status of PS3.4 B.2.3."""
        with self._lock:
            expected = self._expected
        if expected is None:
            return NOT_AUTHORISED
        series, landing = expected
        try:
            landing.store(series, [event.encoded_dataset(include_meta=True)])
        except Unusable:
            self.refused += 1
            return MISMATCH
        except Stopped as stopped:
            self.stopped = stopped
            return OUT_OF_RESOURCES
        except OperationFailed as error:
            self.failure = error
            return OUT_OF_RESOURCES
        self.taken += 1
        return TAKEN

    def check(self) -> None:
        """Pass on what kept instances from being written.

        Raises:
            OperationFailed: The disk is full, or cannot be written to.
        """
        if self.failure is not None:
            raise self.failure


class StorageService:
    """A storage service that listens while it is open.

    Args:
        host, port: Where to listen; port 0 for any free one.
        ae_title: Ours, as registered with the PACS; calls for another title are rejected.
        reception: Takes what comes.
        certificates: With them, only TLS is spoken.

    Raises:
        OperationFailed: The address is not this computer's, or taken.
    """

    def __init__(
        self, host: str, port: int, ae_title: str, reception: Reception, *, certificates: Certificates | None = None
    ) -> None:
        entity = AE(ae_title=ae_title)
        entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        entity.maximum_pdu_size = MAX_PDU
        entity.require_called_aet = True
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
        entity.add_supported_context("1.2.840.10008.1.1")  # C-ECHO, which administrators try first
        tls = certificates.context(as_server=True) if certificates is not None else None
        try:
            self._server = entity.start_server(
                (host, port), block=False, ssl_context=tls, evt_handlers=[(evt.EVT_C_STORE, reception.on_store)]
            )
        except OSError as error:
            raise OperationFailed(
                f"This computer cannot listen there ({error.strerror}).",
                where=f"{host}:{port}",
                todo="Give this computer's address and a free port as listen=ADDRESS:PORT.",
            ) from error
        assert self._server is not None
        self.port: int = self._server.server_address[1]

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server = None
