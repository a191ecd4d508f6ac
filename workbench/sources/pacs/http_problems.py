"""What went wrong with a web request, in a sentence that names neither a patient nor the query."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
import urllib3

from workbench.sources.pacs.archive import AGAIN, ALL, THIS, ArchiveProblem
from workbench.sources.pacs.credentials import PASSWORD, TOKEN, USER, Credentials

_BUSY = (408, 425, 429, 500, 502, 503, 504)
_CUT = (
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    urllib3.exceptions.HTTPError,
)


@contextmanager
def explained(where: str, credentials: Credentials) -> Iterator[None]:
    """Turn errors of ``requests`` into ``ArchiveProblem``. Their own text is never used: it quotes the query.

    Args:
        where: The server's address.
        credentials: What was shown to it.
    """
    try:
        yield
    except requests.exceptions.HTTPError as error:
        if error.response is None:
            raise
        raise of_status(error.response, where, credentials) from error
    except requests.exceptions.SSLError as error:
        raise ArchiveProblem(
            "The server's TLS certificate is not trusted, or TLS failed.",
            where=where,
            todo="Name the certificate authority of your hospital with ca_file=FILE.pem; is the address right?",
            scope=ALL,
        ) from error
    except requests.exceptions.TooManyRedirects as error:
        raise ArchiveProblem(
            "The server sends us to another address.",
            where=where,
            todo="Give the address of the DICOMweb root itself; if it leads to a login page, credentials are missing.",
            scope=ALL,
        ) from error
    except requests.exceptions.JSONDecodeError as error:
        raise not_dicom_json(where) from error
    except _CUT as error:
        raise ArchiveProblem(
            "The connection broke while the server was sending.",
            where=where,
            todo="Run the same command again: what arrived whole is kept.",
            scope=AGAIN,
        ) from error
    except requests.exceptions.Timeout as error:
        raise ArchiveProblem(
            "The server did not answer in time.",
            where=where,
            todo="Try again later, or raise timeout_s.",
            scope=AGAIN,
        ) from error
    except requests.exceptions.ConnectionError as error:
        raise ArchiveProblem(
            "The server cannot be reached.",
            where=where,
            todo="Check host, port and firewall, and that the server is running.",
            scope=AGAIN,
        ) from error
    except requests.exceptions.RequestException as error:
        raise ArchiveProblem(
            f"The request failed ({type(error).__name__}).", where=where, todo="Check the server's address.", scope=ALL
        ) from error


def of_status(response: requests.Response, where: str, credentials: Credentials) -> ArchiveProblem:
    """What a status of 400 and above means."""
    status = response.status_code
    if status == 401:
        return ArchiveProblem(
            f"The server refuses the login (401) with the credentials from {credentials.origin}."
            if credentials
            else "The server wants a login (401), and there are no credentials.",
            where=where,
            todo=f"Set {USER} and {PASSWORD}, or {TOKEN}, or the keyring's entry.",
            scope=ALL,
        )
    if status == 403:
        return ArchiveProblem(
            "The server knows us but does not allow this (403).",
            where=where,
            todo="Ask the administrator to allow searching and retrieving.",
            scope=THIS,
        )
    if status in (404, 410):
        return ArchiveProblem(
            f"The server has nothing there ({status}).",
            where=where,
            todo="For a search: check the path of the DICOMweb root. For a study: it may have been deleted.",
            scope=THIS,
        )
    if status == 406:
        return ArchiveProblem(
            "The server does not send files in the coding that they are stored in (406).",
            where=where,
            todo="Fetch by the classic way (dicoms://), or have the server's DICOMweb updated.",
            scope=ALL,
        )
    if status in _BUSY:
        return ArchiveProblem(
            f"The server is busy or in trouble ({status}).",
            where=where,
            todo="Try again later; fewer connections ask less of it.",
            scope=AGAIN,
            wait_s=_retry_after(response),
        )
    return ArchiveProblem(
        f"The server refuses the request ({status}).",
        where=where,
        todo="Ask its administrator whether DICOMweb (QIDO-RS, WADO-RS) is on.",
        scope=THIS,
    )


def not_dicom_json(where: str) -> ArchiveProblem:
    """The answer to a search is something else."""
    return ArchiveProblem(
        "The server answered, but not with DICOM JSON.",
        where=where,
        todo="Check the path: it must be the DICOMweb root, as in https://HOST/dicom-web.",
        scope=ALL,
    )


def _retry_after(response: requests.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0
