from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from workbench.runs.command import run_command

CHILD = """
import os, sys, time
from pathlib import Path
from workbench.runs import command
command.end_with_parent()
Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(60)
"""
PARENT = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {CHILD!r}, sys.argv[1]])
time.sleep(60)
"""


def test_a_command_gives_its_output_and_its_end() -> None:
    done = run_command(["--version"], environment=os.environ, wanted=lambda: True)
    assert done.returncode == 0 and done.stdout.strip()
    wrong = run_command(["no-such-verb"], environment=os.environ, wanted=lambda: True)
    assert wrong.returncode == 2 and wrong.stderr.startswith("Error: There is no command 'no-such-verb'.")


def test_one_that_is_no_longer_wanted_is_asked_to_end(tmp_path: Path) -> None:
    looks: list[float] = []

    def wanted() -> bool:
        looks.append(time.monotonic())
        return len(looks) < 3

    done = run_command(["worker", "--workspace", str(tmp_path)], environment=os.environ, wanted=wanted)
    assert done.returncode in (0, -signal.SIGTERM), "the worker waits for jobs until it is asked to end"
    assert len(looks) == 3, "one SIGTERM; a second would break off what is being saved"


def test_it_ends_with_its_parent_however_that_dies(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(told)])
    ends = time.monotonic() + 20
    while not (told.exists() and told.read_text()) and time.monotonic() < ends:
        time.sleep(0.05)
    child = psutil.Process(int(told.read_text()))
    parent.kill()
    parent.wait()
    assert child.wait(10) in (None, -signal.SIGTERM)
