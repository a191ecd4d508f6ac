"""Processes that serve people: started together, stopped together, on this machine's loopback address only."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import OperationFailed

HOST = "127.0.0.1"
START_S = 90.0
END_S = 15.0


@dataclass(frozen=True)
class Service:
    """One process.

    Attributes:
        name: What people call it.
        words: Its command line.
        environment: Its environment variables.
        url: Where it answers; empty if nowhere.
        folder: Its working folder; the present one if None.
        link: What people open, where that is not ``url``.
    """

    name: str
    words: Sequence[str]
    environment: Mapping[str, str]
    url: str = ""
    folder: Path | None = None
    link: str = ""


def check_port(port: int, setting: str) -> None:
    """See that a port of the loopback address is free.

    Raises:
        OperationFailed: It is taken; the next free one is named.
    """
    if port_free(port):
        return
    free = next((other for other in range(port + 1, port + 50) if port_free(other)), None)
    raise OperationFailed(
        f"The port {port} is taken by another program (perhaps a second copy of this one).",
        where=f"{HOST}:{port}",
        todo=f"Close that program, or take another port: {setting}={free or 'PORT'}.",
    )


def port_free(port: int) -> bool:
    """Whether a server could listen on ``127.0.0.1:port``."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def serve(services: Sequence[Service], *, say: Callable[[str], None] = print) -> None:
    """Start the services, say where they answer, and wait for an interrupt or SIGTERM; then stop them all.

    Raises:
        OperationFailed: One of them ended by itself; the others have been stopped.
    """
    ended: list[int] = []
    before = {number: signal.signal(number, lambda n, _: ended.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    running: list[tuple[Service, subprocess.Popen[bytes]]] = []
    waiting = {service.name: service for service in services if service.url}
    began = time.monotonic()
    try:
        for service in services:
            running.append((service, _start(service)))
        while not ended:
            for service, process in running:
                code = process.poll()
                if code is not None:
                    raise OperationFailed(
                        f"{service.name} ended by itself (exit code {code}).",
                        todo="Read its last lines above; then start again.",
                    )
            for name in [name for name, service in waiting.items() if _answers(service.url)]:
                service = waiting.pop(name)
                say(f"{name} is ready: {service.link or service.url}")
                if not waiting:
                    say("Press Ctrl-C to stop.")
            if waiting and time.monotonic() - began > START_S:
                names = ", ".join(waiting)
                raise OperationFailed(f"{names} did not answer within {START_S:.0f} seconds.", todo="Start again.")
            time.sleep(0.2)
    finally:
        _end([process for _, process in running])
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(service: Service) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(service.words),
        env=dict(service.environment),
        cwd=service.folder,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def _answers(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, int(port or 80))) == 0


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            _signal(process, signal.SIGTERM)
    limit = time.monotonic() + END_S
    for process in processes:
        try:
            process.wait(max(0.1, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
