from __future__ import annotations

import io
import json
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.catalogue import catalogue
from app.frames.routes import frames_address, routes, thumbnail_address
from app.frames.tokens import VALID_S, sign
from workbench.runs.workspace import Workspace


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=routes()))


@pytest.fixture
def scan(furnished: Workspace) -> str:
    return str(catalogue("chest").table["scan_id"].iloc[0])


def test_a_frame_arrives_as_it_was_stored(client: TestClient, scan: str) -> None:
    answer = client.get(frames_address(user="a", cohort="chest", scan=scan) + "0")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-encoding"] == "gzip"
    facts = json.loads(answer.headers["x-frame"])
    assert (facts["rows"], facts["columns"], facts["kind"], facts["plane"]) == (128, 128, "int16", "detector")
    values = np.frombuffer(answer.content, "<i2").reshape(128, 128)
    found = catalogue("chest")
    file = found.cohort.path_of(found.row(scan)["path_key"])
    assert np.array_equal(values, pydicom.dcmread(file).pixel_array)


def test_a_browser_that_takes_no_gzip_gets_none(client: TestClient, scan: str) -> None:
    address = frames_address(user="a", cohort="chest", scan=scan) + "0"
    answer = client.get(address, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in answer.headers and len(answer.content) == 2 * 128 * 128


def test_a_thumbnail_is_a_small_jpeg(client: TestClient, scan: str) -> None:
    answer = client.get(thumbnail_address(user="a", cohort="chest", scan=scan))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["cache-control"] == "private, no-store"
    assert Image.open(io.BytesIO(answer.content)).size == (224, 224)


@pytest.mark.parametrize(
    "address",
    ["/x", "/x/", "/x/frame", "/x/frame/", "/x/frame/0", "/x/frame/abc.def/0", "/x/thumbnail", "/x/thumbnail/",
     "/x/thumbnail/abc", "/x/anything/else"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_valid_token_nothing_is_answered(client: TestClient, address: str, method: str) -> None:
    answer = client.request(method, address)
    assert answer.status_code == 401
    assert answer.headers["cache-control"] == "private, no-store"


def test_an_old_token_is_refused(client: TestClient, scan: str) -> None:
    old = sign(user="a", cohort="chest", scan=scan, now=time.time() - 3 * VALID_S)
    answer = client.get(f"/x/frame/{old}/0")
    assert (answer.status_code, answer.json()["todo"]) == (401, "Reload the page.")


def test_a_token_for_nobody_is_refused(client: TestClient, scan: str) -> None:
    assert client.get(frames_address(user="", cohort="chest", scan=scan) + "0").status_code == 403


@pytest.mark.parametrize("cohort", ["elsewhere", "../chest", "", "chest/../chest"])
def test_another_places_cohort_is_refused(client: TestClient, scan: str, cohort: str) -> None:
    assert client.get(frames_address(user="a", cohort=cohort, scan=scan) + "0").status_code == 403


def test_a_scan_of_no_cohort_here_is_refused(client: TestClient, scan: str) -> None:
    assert client.get(thumbnail_address(user="a", cohort="chest", scan="SNOBODY")).status_code == 403


def test_a_cohort_that_was_taken_away_is_refused_though_the_token_still_holds(
    client: TestClient, scan: str, furnished: Workspace
) -> None:
    address = thumbnail_address(user="a", cohort="chest", scan=scan)
    assert client.get(address).status_code == 200
    (furnished.cohort_dir("chest") / "manifest.parquet").unlink()
    assert client.get(address).status_code == 403


def test_another_sites_page_gets_nothing(client: TestClient, scan: str) -> None:
    address = thumbnail_address(user="a", cohort="chest", scan=scan)
    assert client.get(address, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.get(address, headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_a_place_beyond_the_stack_and_a_lost_file_are_told_without_the_path(
    client: TestClient, scan: str, furnished: Workspace
) -> None:
    address = frames_address(user="a", cohort="chest", scan=scan)
    assert client.get(address + "7").status_code == 404
    paths = furnished.cohort_dir("chest") / "private" / "paths.parquet"
    import pandas as pd

    table = pd.read_parquet(paths)
    table["path"] = [b"/nowhere/" + Path(path.decode()).name.encode() for path in table["path"]]
    table.to_parquet(paths)
    answer = client.get(address + "0")
    assert answer.status_code == 404
    assert "no longer where it was indexed" in answer.json()["what"] and "nowhere" not in answer.text
