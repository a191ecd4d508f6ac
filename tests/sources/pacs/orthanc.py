"""A real PACS for the tests: Debian's Orthanc with its DICOMweb plug-in, on loopback, with nothing kept."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "reader", "only-for-this-test"


@dataclass(frozen=True)
class Orthanc:
    """A running server."""

    port: int
    dicom_port: int
    listen_port: int

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def web(self) -> str:
        return f"{self.root}/dicom-web"

    @property
    def classic(self) -> str:
        return f"dicom://ORTHANC@127.0.0.1:{self.dicom_port}"

    @property
    def listen(self) -> str:
        return f"127.0.0.1:{self.listen_port}"

    def fill(self, contents: list[bytes]) -> None:
        """Store instances."""
        with requests.Session() as session:
            session.auth = (USER, PASSWORD)
            for content in contents:
                session.post(f"{self.root}/instances", data=content, timeout=30).raise_for_status()

    def empty(self) -> None:
        """Delete every patient."""
        with requests.Session() as session:
            session.auth = (USER, PASSWORD)
            for patient in session.get(f"{self.root}/patients", timeout=30).json():
                session.delete(f"{self.root}/patients/{patient}", timeout=30).raise_for_status()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A server of one's own; the test skips, visibly, where Orthanc is not installed."""
    program = shutil.which("Orthanc")
    if program is None or not PLUGIN.is_file():
        pytest.skip("Orthanc with its DICOMweb plug-in is not installed: apt-get install orthanc orthanc-dicomweb")
    folder = tmp_path_factory.mktemp("orthanc")
    server = Orthanc(free_port(), free_port(), free_port())
    ours = {"Host": "127.0.0.1", "AllowEcho": True, "AllowFind": True, "AllowGet": True, "AllowMove": True}
    settings = {
        "Name": "tests",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(PLUGIN)],
        "HttpPort": server.port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "DicomAet": "ORTHANC",
        "DicomPort": server.dicom_port,
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": True,
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "DicomModalities": {
            "ours": ours | {"AET": "WORKBENCH", "Port": server.listen_port},
            "elsewhere": ours | {"AET": "ELSEWHERE", "Port": 9},
        },
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "storage").mkdir()
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log, cwd=folder)
    try:
        _await(server, process, folder / "log")
        yield server
    finally:
        process.kill()  # it keeps nothing, and would wait for idle connections
        process.wait(timeout=30)


def _await(server: Orthanc, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            if requests.get(f"{server.root}/system", auth=(USER, PASSWORD), timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise RuntimeError(f"Orthanc did not start:\n{log.read_text()}")


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    """The right credentials, in the environment."""
    monkeypatch.setenv("WORKBENCH_PACS_USER", USER)
    monkeypatch.setenv("WORKBENCH_PACS_PASSWORD", PASSWORD)
