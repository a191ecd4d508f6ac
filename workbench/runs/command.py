"""A command of this program as a child process: it ends with its parent, and is asked to save when a stop is wanted."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

LOOK_EVERY_S = 0.5
_PR_SET_PDEATHSIG = 1


def end_with_parent() -> bool:
    """Have this process get SIGTERM when the one that started it dies, however that dies (prctl(2), Linux).

    Returns:
        Whether it took effect.
    """
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):
        return ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) == 0
    return False


def run_command(
    words: Sequence[str], *, environment: Mapping[str, str], wanted: Callable[[], bool]
) -> subprocess.CompletedProcess[str]:
    """Run a command of the program to its end.

    While it runs, ``wanted`` is asked twice a second whether it should go on; when not, the command gets one SIGTERM,
    by which runs save and stop. Ctrl-C reaches the command from the terminal; it is waited for until it has saved.

    Args:
        words: The command's, without the program.
        environment: All of its variables.
        wanted: Whether it should go on.
    """
    command = [sys.executable, "-m", "workbench.cli", *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(environment),
        preexec_fn=end_with_parent,  # noqa: PLW1509 - prctl alone, which needs no lock
    )  # fmt: skip
    asked = interrupted = False
    while True:
        try:
            out, err = process.communicate(timeout=LOOK_EVERY_S)
            break
        except subprocess.TimeoutExpired:
            if not asked and not wanted():
                process.terminate()
                asked = True
        except KeyboardInterrupt:
            if interrupted:
                process.kill()
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    return subprocess.CompletedProcess(command, process.returncode, out, err)
