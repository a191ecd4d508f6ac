"""environment.yml, pyproject.toml and constraints.txt say the same."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def wanted() -> list[str]:
    extras = project()["optional-dependencies"]
    return [*project()["dependencies"], *extras["onnx"], *extras["ray"], *extras["dev"]]


def test_conda_environment_lists_the_dependencies_of_the_project() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert [entry for entry in pip if not entry.startswith("--")] == wanted()
    assert "python=3.11" in environment["dependencies"]


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if re.match(r"[\w.-]+==", line)
    )
    pinned = {name.lower().replace("_", "-"): Version(version) for name, version in pinned.items()}
    for text in wanted():
        requirement = Requirement(text)
        name = requirement.name.lower().replace("_", "-")
        assert name in pinned, f"{name} is not in constraints.txt"
        assert pinned[name] in requirement.specifier, f"{name} {pinned[name]} is outside {requirement.specifier}"


def test_no_gpl_codec_is_installed_by_default() -> None:
    names = {Requirement(text).name for text in project()["dependencies"]}
    assert "pylibjpeg-libjpeg" not in names


def test_python_is_3_11() -> None:
    assert project()["requires-python"] == ">=3.11,<3.12"
