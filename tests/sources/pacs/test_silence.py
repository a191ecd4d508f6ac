from __future__ import annotations

import logging
import warnings

import pytest

from workbench.sources.pacs.silence import libraries_silent


def test_libraries_are_silent_within_and_as_before_after(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    library, ours = logging.getLogger("urllib3.connectionpool"), logging.getLogger("workbench.test")
    with libraries_silent(), warnings.catch_warnings(record=True) as caught:
        library.debug("GET /studies?PatientID=MRN-77")
        logging.getLogger("pydicom").warning("Invalid value for VR LO: 'MRN-77'")
        ours.info("ours")
        warnings.warn("Invalid value for VR LO: 'MRN-77'", UserWarning, stacklevel=1)
    library.debug("after")
    assert [record.message for record in caplog.records] == ["ours", "after"] and caught == []
