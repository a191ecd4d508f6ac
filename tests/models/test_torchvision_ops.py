import subprocess
import sys

import torch

import workbench.models  # noqa: F401
from workbench.models import torchvision_ops


def test_operators_are_there_after_importing_the_package_and_torchvision_imports():
    import torchvision

    assert torchvision_ops.present()
    assert torchvision.models.resnet18 is not None


def test_a_second_call_tells_the_same_and_changes_nothing():
    before = torchvision_ops.declare()
    library = torchvision_ops._library
    assert torchvision_ops.declare() is before
    assert torchvision_ops._library is library


def test_operators_that_are_there_are_left_alone(monkeypatch):
    monkeypatch.setattr(torchvision_ops, "_library", None)
    assert torchvision_ops.present()
    assert torchvision_ops.declare() is False
    assert torchvision_ops._library is None


def test_compiled_operators_that_do_not_load_or_are_absent_are_said_not_to(monkeypatch, tmp_path):
    package = tmp_path / "torchvision"
    package.mkdir()
    spec = type("Spec", (), {"origin": str(package / "__init__.py")})
    monkeypatch.setattr(torchvision_ops.importlib.util, "find_spec", lambda name: spec)
    assert torchvision_ops._own_operators_load() is False
    suffix = torchvision_ops.importlib.machinery.EXTENSION_SUFFIXES[0]
    (package / f"_C{suffix}").write_bytes(b"not a library")
    assert torchvision_ops._own_operators_load() is False
    monkeypatch.setattr(torchvision_ops.importlib.util, "find_spec", lambda name: None)
    assert torchvision_ops._own_operators_load() is False


def test_a_fresh_process_imports_timm_and_lightly_after_the_package():
    code = "import workbench.models, timm, lightly.models.modules as m; print(m.MaskedVisionTransformerTIMM.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "MaskedVisionTransformerTIMM"
    assert hasattr(torch.ops, "torchvision")
