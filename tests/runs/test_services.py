from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time

import pytest

from workbench.errors import OperationFailed
from workbench.runs.services import HOST, Service, check_port, port_free, serve

SERVER = (
    "import http.server,sys; "
    "http.server.HTTPServer(('127.0.0.1',int(sys.argv[1])),http.server.BaseHTTPRequestHandler).serve_forever()"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def test_a_taken_port_is_told_with_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OperationFailed, match=f"port {port} is taken") as caught:
            check_port(port, "mlflow_port")
    assert "mlflow_port=" in caught.value.todo
    suggested = int(caught.value.todo.rstrip(".").rpartition("=")[2])
    assert suggested > port and port_free(suggested)
    check_port(free_port(), "port")


def test_services_start_together_and_stop_together() -> None:
    port = free_port()
    said: list[str] = []
    services = [
        Service("The page", [sys.executable, "-c", SERVER, str(port)], os.environ, f"http://{HOST}:{port}"),
        Service("Sleeper", [sys.executable, "-c", "import time; time.sleep(60)"], os.environ),
    ]

    def interrupt() -> None:
        end = time.monotonic() + 20
        while not said and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=interrupt, daemon=True).start()
    serve(services, say=said.append)
    assert said == [f"The page is ready: http://{HOST}:{port}", "Press Ctrl-C to stop."]
    assert port_free(port)
    assert signal.getsignal(signal.SIGTERM) is before


def test_one_that_ends_by_itself_ends_the_others() -> None:
    port = free_port()
    services = [
        Service("The page", [sys.executable, "-c", SERVER, str(port)], os.environ, f"http://{HOST}:{port}"),
        Service("Breaker", [sys.executable, "-c", "import time; time.sleep(0.5); raise SystemExit(3)"], os.environ),
    ]
    with pytest.raises(OperationFailed, match=r"Breaker ended by itself \(exit code 3\)"):
        serve(services, say=lambda _: None)
    assert port_free(port)


def test_one_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.runs.services.START_S", 0.3)
    words = [sys.executable, "-c", "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"]
    monkeypatch.setattr("workbench.runs.services.END_S", 0.5)
    with pytest.raises(OperationFailed, match="Deaf did not answer"):
        serve([Service("Deaf", words, os.environ, f"http://{HOST}:{free_port()}")], say=lambda _: None)
