import pytest
import torch

from workbench.errors import InputError
from workbench.models.weight_files import read_tensors, unwrap


def test_containers_are_opened_and_the_teacher_comes_first():
    x, y = torch.zeros(1), torch.ones(1)
    assert unwrap({"a": x}) == {"a": x}
    assert unwrap({"epoch": 3, "state_dict": {"a": x, "n": 5}}) == {"a": x}
    assert unwrap({"student": {"a": x}, "teacher": {"a": y}}) == {"a": y}
    assert unwrap({"model": {"state_dict": {"a": y}}}) == {"a": y}
    assert unwrap([x]) == {}


def test_a_torch_file_of_tensors(tmp_path):
    torch.save({"state_dict": {"w": torch.arange(3.0)}, "epoch": 4}, tmp_path / "a.pth")
    assert read_tensors(tmp_path / "a.pth")["w"].tolist() == [0, 1, 2]


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_pickled_objects_are_never_loaded(tmp_path, capsys):
    torch.save({"state_dict": {"w": torch.zeros(1)}, "args": Evil()}, tmp_path / "a.pth")
    with pytest.raises(InputError, match="never loaded"):
        read_tensors(tmp_path / "a.pth")
    assert "executed" not in capsys.readouterr().out


def test_files_that_hold_no_weights(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_tensors(tmp_path / "none.pth")
    torch.save({"epoch": 4}, tmp_path / "empty.pth")
    with pytest.raises(InputError, match="no named tensors"):
        read_tensors(tmp_path / "empty.pth")
    torch.save({"w": torch.zeros(1000)}, tmp_path / "whole.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:2000])
    with pytest.raises(InputError, match="not a readable file of weights"):
        read_tensors(tmp_path / "cut.pth")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(InputError, match="cannot be read"):
        read_tensors(tmp_path / "text.safetensors")
