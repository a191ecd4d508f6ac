"""The app in a real browser: pages by address, no request to elsewhere, jobs that outlive reload and server."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from tests.app.fabricated import make_pretraining
from tests.app.serving import IN_BROWSER, SCREENSHOTS, Server
from workbench.runs.jobs import Job, JobQueue
from workbench.runs.worker import Worker
from workbench.runs.workspace import Workspace

pytestmark = IN_BROWSER
ADDRESSES = {
    "": "Home",
    "images": "Add images (cohort intake)",
    "images?view=Bring+in": "Add images (cohort intake)",
    "learn": "Learn (pretrain)",
    "learn?view=Earlier+runs&run=overnight": "Learn (pretrain)",
    "teach": "Teach (fine-tune)",
    "teach?view=1.+Labels": "Teach (fine-tune)",
    "study": "How many labels? (study)",
    "jobs": "Jobs",
    "look": "Look (browse)",
    "look?page=2&show=48&only_view_position=AP": "Look (browse)",
}
RUN = """
import sys, time
from workbench.config import Settings
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace
with RunFolder.create(Workspace(sys.argv[1]), "pretrain", Settings(), sys.argv[2]) as run:
    for step in range(1, 6001):
        run.progress(step, 6000, "scans", epoch=f"{1 + step // 300}/20")
        if step % 50 == 0:
            run.event(step=step, epoch=step // 50, loss=4 - step / 6000)
        if run.stop_requested():
            break
        time.sleep(0.02)
"""


def settle(page) -> None:
    page.wait_for_selector("h1", timeout=30_000)
    page.wait_for_selector("text=not for diagnosis", timeout=30_000)


def start_job(workspace: Workspace) -> tuple[Job, threading.Event]:
    """A job of two minutes at work, served by a worker in this process until the event is set."""
    queue, ended = JobQueue(workspace), threading.Event()
    job = queue.submit("pretrain", {"name": "night", "cohort": "chest"}, nonce="1")

    def command(job: Job) -> list[str]:
        return [sys.executable, "-c", RUN, str(workspace.root), job.run_id]

    worker = Worker(workspace, command, say=lambda _: None)
    threading.Thread(target=worker.run, kwargs={"poll_s": 0.1, "done": ended.is_set}, daemon=True).start()
    until(lambda: queue.state(queue.get(job.id)).state == "running")
    return queue.get(job.id), ended


def until(condition, limit_s: float = 30.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def test_every_page_works_from_its_address_without_asking_elsewhere(server: Server, browser) -> None:
    page = browser.new_page()
    elsewhere: list[str] = []
    here = (server.url, server.url.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(here) else elsewhere.append(request.url))
    SCREENSHOTS.mkdir(exist_ok=True)
    for number, (address, title) in enumerate(ADDRESSES.items()):
        page.goto(f"{server.url}/{address}")
        settle(page)
        assert page.locator("h1").inner_text() == title, address
        assert page.locator('[data-testid="stException"]').count() == 0, address
        assert page.get_by_text("could not be shown").count() == 0, address
        page.screenshot(path=SCREENSHOTS / f"test-{number}.png", full_page=True)
    assert elsewhere == []


def test_a_reload_in_the_middle_of_a_job_shows_the_same_job(server: Server, browser, furnished: Workspace) -> None:
    job, ended = start_job(furnished)
    queue = JobQueue(furnished)
    try:
        page = browser.new_page()
        page.goto(f"{server.url}/learn?job={job.id}")
        page.wait_for_selector("text=Running · Learning without labels: night", timeout=30_000)
        page.wait_for_selector("text=over the pictures", timeout=30_000)
        page.reload()
        page.wait_for_selector("text=Running · Learning without labels: night", timeout=30_000)
        assert job.id in page.url
        assert [found.id for found in queue.jobs()] == [job.id]
        page.get_by_role("button", name="Stop and keep").first.click()
        page.wait_for_selector("text=Stopped · Learning without labels: night", timeout=30_000)
        assert queue.state(queue.get(job.id)).state == "stopped"
    finally:
        queue.request_stop(job.id)
        until(lambda: queue.state(queue.get(job.id)).ended)
        ended.set()


def test_killing_the_server_does_not_stop_the_job(server: Server, browser, furnished: Workspace) -> None:
    job, ended = start_job(furnished)
    queue = JobQueue(furnished)
    try:
        os.kill(server.streamlit(), signal.SIGKILL)
        assert server.process.wait(timeout=30) == 1
        before = queue.state(job).status
        time.sleep(1.5)
        after = queue.state(job).status
        assert queue.state(job).state == "running"
        assert before is not None and after is not None and after.step > before.step
        again = Server(furnished)
        try:
            page = browser.new_page()
            page.goto(f"{again.url}/jobs")
            page.wait_for_selector("text=Running · Learning without labels: night", timeout=30_000)
        finally:
            again.close()
    finally:
        queue.request_stop(job.id)
        until(lambda: queue.state(queue.get(job.id)).ended)
        ended.set()


def test_a_form_starts_one_job_however_fast_it_is_clicked(server: Server, browser, furnished: Workspace) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/learn")
    settle(page)
    page.get_by_role("button", name="Start learning").dblclick()
    page.wait_for_selector("text=Waiting for its turn", timeout=30_000)
    time.sleep(1)
    jobs = JobQueue(furnished).jobs()
    assert len(jobs) == 1
    assert f"job={jobs[0].id}" in page.url


def test_a_name_with_markup_is_shown_as_text(server: Server, browser, furnished: Workspace) -> None:
    make_pretraining(
        furnished, "odd", epochs=2, planned=9, state="failed", message="<img src=x onerror=alert(1)> **b**"
    )
    page = browser.new_page()
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page.goto(f"{server.url}/learn?view=Earlier+runs&run=odd")
    settle(page)
    assert page.get_by_text("<img src=x onerror=alert(1)> **b**").count() == 1
    assert alerts == [] and page.locator('img[src="x"]').count() == 0
