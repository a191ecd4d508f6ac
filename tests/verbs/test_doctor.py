from pathlib import Path

import pytest

from workbench.runs.workspace import Workspace
from workbench.verbs import doctor as module
from workbench.verbs.doctor import DoctorSettings, doctor


def test_it_lists_versions_devices_decoders_and_disk(tmp_path: Path) -> None:
    found = doctor(DoctorSettings(), workspace=Workspace(tmp_path))
    assert found.versions["torch"].startswith("2.13")
    assert found.devices[0].startswith("CPU: ")
    assert found.disk_free_gb > 0
    assert any("JPEG Lossless" in name and plugin != "none" for name, plugin in found.decoders.items())
    page = found.summary()
    assert "Decoders:" in page
    assert str(tmp_path) in page


def test_what_is_missing_comes_with_what_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGES", ("torch", "no-such-package"))
    monkeypatch.setattr(module, "NEEDED_GB", 1e9)
    found = doctor(DoctorSettings(decoders=False), workspace=Workspace(tmp_path / "deep" / "er"))
    assert [problem.mend for problem in found.problems] == [
        "make install",
        "Free space, or use --workspace elsewhere.",
    ]
    assert found.exit_code == 1
    assert "To mend:" in found.summary()


def test_an_optional_package_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGES", ("optional-thing",))
    monkeypatch.setattr(module, "OPTIONAL", {"optional-thing": "pip install it"})
    found = doctor(DoctorSettings(decoders=False), workspace=Workspace(tmp_path))
    assert found.problems == []
    assert found.versions == {"optional-thing": "absent (optional)"}
