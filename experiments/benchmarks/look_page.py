"""The page Look with 10,000 scans: how soon thumbnails are there, and how long a frame takes.

A cohort of 10,000 single pictures and one stack of 300 slices is made up over 500 files of CT slices, 512 x 512, 16
bits, uncompressed. The app is started as ``workbench app`` starts it, and asked by Chromium, with an empty profile and
a server that has just started:

- ``first_thumbnail_s``, ``all_thumbnails_s``: from the address to the first of 24 thumbnails decoded, and to the last;
- ``next_page_s``, ``filter_s``: from the click to the last thumbnail of the new page, and of the filtered list;
- ``frame_ms``: one frame from the local route, gzip included, 100 frames one after another;
- ``step_ms``: in the browser, from turning the wheel by one slice to the slice drawn, neighbours fetched ahead;
- ``cold_step_ms``: the same, jumping to slices that nobody has fetched;
- ``rerun_ms``: from picking a picture to Python's answer (the page's address).

    python experiments/benchmarks/look_page.py --folder /tmp/bench
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from generated_scans import generate

SCANS, SLICES, FILES = 10_000, 300, 500
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
LOADED = """(count) => {
    for (const one of document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')) {
        const images = [...one.shadowRoot.querySelectorAll('.grid img')];
        if (images.length && images.filter((image) => image.naturalWidth > 0).length >= Math.min(count, images.length))
            return true;
    }
    return false;
}"""
STEP = """async ([key, place]) => {
    const root = [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')]
        .map((one) => one.shadowRoot).find((one) => one.querySelector('.stage'));
    const stage = root.querySelector('.stage');
    const began = performance.now();
    if (key === 'wheel') stage.dispatchEvent(new WheelEvent('wheel', {deltaY: 100, cancelable: true}));
    else {
        const slider = root.querySelector('[name=frame]');
        slider.value = String(place + 1);
        slider.dispatchEvent(new Event('input'));
    }
    while (stage.dataset.shown !== String(place)) await new Promise((done) => setTimeout(done, 1));
    return performance.now() - began;
}"""


def make_cohort(folder: Path, workspace: Path) -> None:
    import pandas as pd

    from workbench.cohort.cohort import Cohort

    files = generate(folder / "ct-look", FILES, 512)
    rows, paths = [], {}
    for number in range(SCANS + SLICES):
        single = number < SCANS
        rows.append(
            {
                "scan_id": f"S{number:06d}", "path_key": f"F{number:06d}", "frame": 0,
                "patient_key": f"P{number // 4 if single else 'stack'}", "pixel_hash": f"H{number}",
                "instance_key": f"I{number}", "series_key": f"E{number if single else 'stack'}",
                "modality": "DX" if single else "CT", "view_position": ("PA", "AP", "LL")[number % 3],
                "sex": "FM"[number // 4 % 2], "age_years": 20 + number // 4 % 70, "rows": 512, "columns": 512,
                "scanner": f"Scanner {number % 7}", "flags": "",
            }
        )  # fmt: skip
        paths[f"F{number:06d}"] = files[number % FILES]
    Cohort.create(workspace / "data_manifests" / "many", pd.DataFrame(rows), paths=paths)


def start(workspace: Path) -> tuple[subprocess.Popen[bytes], str, str]:
    """The server, its address, and the link that opens it, from ``/`` on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "workbench.cli", "app", f"port={port}", "worker=false"]
    said = workspace / "app.txt"
    with said.open("w") as stream:
        process = subprocess.Popen([*words, "--workspace", str(workspace)], stdout=stream, stderr=stream)
    for _ in range(600):
        if " is ready: " in said.read_text() and (links := re.findall(r"(/\?entry=\S+)", said.read_text())):
            return process, f"http://127.0.0.1:{port}", links[-1]
        time.sleep(0.1)
    raise SystemExit("the app did not answer")


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
        "worst": round(ordered[-1], 1),
    }


def measure(url: str, link: str, profile: Path) -> dict[str, object]:
    from playwright.sync_api import sync_playwright

    found: dict[str, object] = {}
    with sync_playwright() as play:
        context = play.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=FLAGS, viewport={"width": 1440, "height": 900}
        )
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "/x/frame/" in request.url else None)

        def timed(act, then) -> float:
            began = time.perf_counter()
            act()
            then()
            return round(time.perf_counter() - began, 2)

        def loaded(count: int) -> None:
            page.wait_for_function(LOADED, arg=count, polling=20)

        page.goto(url + link)  # the program's own files, once, as on every day but the first
        page.wait_for_selector("text=not for diagnosis")
        began = time.perf_counter()
        page.goto(f"{url}/look?cohort=many")
        loaded(1)
        found["first_thumbnail_s"] = round(time.perf_counter() - began, 2)
        loaded(20)  # those in sight; the others come when they are scrolled to
        found["all_thumbnails_s"] = round(time.perf_counter() - began, 2)
        second = page.get_by_role("button", name=re.compile("next", re.I)).first

        def turned() -> None:
            page.wait_for_function("() => location.search.includes('page=2')", polling=20)
            loaded(20)

        found["next_page_s"] = timed(second.click, turned)
        found["filter_s"] = timed(
            lambda: page.goto(f"{url}/look?cohort=many&only_view_position=AP&only_sex=F"), lambda: loaded(20)
        )
        page.goto(f"{url}/look?cohort=many")
        page.wait_for_selector(".grid button")
        reruns = []
        for number in range(5):
            picked = page.locator(".grid button").nth(number)
            scan = picked.get_attribute("data-scan")
            began = time.perf_counter()
            picked.click()
            page.wait_for_function(f"() => location.search.includes('{scan}')", polling=10)
            reruns.append(1000 * (time.perf_counter() - began))
            page.wait_for_selector('.stage[data-shown="0"]')
        found["rerun_ms"] = spread(reruns)
        page.goto(f"{url}/look?cohort=many&scan=S{SCANS:06d}")
        page.wait_for_selector('.stage[data-shown="0"]')
        time.sleep(1)
        found["step_ms"] = spread([page.evaluate(STEP, ["wheel", place]) for place in range(1, 101)])
        found["cold_step_ms"] = spread([page.evaluate(STEP, ["jump", 299 - 8 * place]) for place in range(20)])
        address = asked[-1].rpartition("/")[0]
        cookie = "; ".join(f"{one['name']}={one['value']}" for one in context.cookies())
        context.close()
    frames = []
    for place in range(100):
        request = urllib.request.Request(f"{address}/{place}", headers={"Accept-Encoding": "gzip", "Cookie": cookie})
        began = time.perf_counter()
        with urllib.request.urlopen(request) as answer:
            size = len(answer.read())
        frames.append(1000 * (time.perf_counter() - began))
    found["frame_ms"], found["frame_kib"] = spread(frames), round(size / 1024)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if CHROMIUM is None:
        raise SystemExit("Chromium was not found")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(dir=given.folder) as place:
        workspace = Path(place) / "workspace"
        os.environ["WORKBENCH_SITE_KEY_FILE"] = str(Path(place) / "site.key")
        make_cohort(given.folder, workspace)
        process, url, link = start(workspace)
        try:
            found = measure(url, link, Path(place) / "profile")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
    load = os.getloadavg()[0]
    found = {"benchmark": "look_page", "scans": SCANS, "machine": platform.processor() or platform.machine(),
             "cores": os.cpu_count(), "load": round(load, 1), **found}  # fmt: skip
    print(json.dumps(found, indent=1))
    if given.out:
        given.out.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
