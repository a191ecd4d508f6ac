from __future__ import annotations

import pytest

from workbench.errors import InputError
from workbench.sources.pacs.address import ServerAddress, check_ae_title, parse_address


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        (
            "https://pacs.hospital.org/dicom-web/",
            ServerAddress("dicomweb", True, "pacs.hospital.org", 443, path="/dicom-web"),
            "https://pacs.hospital.org:443/dicom-web",
        ),
        ("http://127.0.0.1:8042", ServerAddress("dicomweb", False, "127.0.0.1", 8042), "http://127.0.0.1:8042"),
        (
            "dicoms://BIG%20PACS@10.0.0.7",
            ServerAddress("dimse", True, "10.0.0.7", 2762, ae_title="BIG PACS"),
            "dicoms://BIG PACS@10.0.0.7:2762",
        ),
        (
            "dicom://PACS@[::1]:104",
            ServerAddress("dimse", False, "::1", 104, ae_title="PACS"),
            "dicom://PACS@[::1]:104",
        ),
    ],
)
def test_addresses_are_read_and_shown(text: str, address: ServerAddress, shown: str):
    assert parse_address(text) == address and str(address) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://reader:Geheim1@pacs/dicom-web",
        "https://Geheim1@pacs/dicom-web",
        "https://pacs/dicom-web?token=Geheim1",
        "https://pacs/dicom-web#Geheim1",
        "dicom://PACS:Geheim1@pacs",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(text: str):
    with pytest.raises(InputError, match="credentials never go into settings") as caught:
        parse_address(text)
    assert "Geheim1" not in str(caught.value) and "WORKBENCH_PACS_PASSWORD" in caught.value.todo


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("pacs.hospital.org", "none of the known forms"),
        ("ftp://pacs/x", "none of the known forms"),
        ("https://", "lacks a host"),
        ("https://pacs:http/x", "lacks a host, or its port"),
        ("dicom://pacs:104", "needs its AE title"),
        ("dicom://PACS@pacs:104/studies", "needs its AE title"),
        ("dicom://A_VERY_LONG_AE_TITLE@pacs", "1 to 16 plain characters"),
    ],
)
def test_other_forms_are_refused(text: str, part: str):
    with pytest.raises(InputError, match=part):
        parse_address(text)


@pytest.mark.parametrize("title", ["", "  ", "ÄE", "A\\B", "x" * 17])
def test_titles_that_cannot_be(title: str):
    with pytest.raises(InputError, match="AE title of here"):
        check_ae_title(title, "here")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("http://pacs.hospital.org/x", True),
        ("http://10.0.0.7/x", True),
        ("dicom://PACS@pacs", True),
        ("http://127.0.0.1.evil.example/x", True),
        ("http://localhost:8042", False),
        ("http://127.3.2.1:8042", False),
        ("dicom://PACS@[::1]:104", False),
        ("https://pacs.hospital.org/x", False),
        ("dicoms://PACS@pacs", False),
    ],
)
def test_plain_connections_stay_on_this_computer(text: str, refused: bool):
    address = parse_address(text)
    address.require_encryption(allow_plain=True)
    if refused:
        with pytest.raises(InputError, match="not encrypted") as caught:
            address.require_encryption(allow_plain=False)
        assert "allow_plain_http=true" in caught.value.todo
    else:
        address.require_encryption(allow_plain=False)
