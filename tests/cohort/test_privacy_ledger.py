from __future__ import annotations

from workbench.cohort.columns import NAMES
from workbench.cohort.privacy_ledger import KEPT, READ_ONCE, TRANSFORMED, allow_list


def test_every_attribute_that_is_read_is_on_the_list():
    unlisted = [keyword for keyword, entry in allow_list().items() if entry["done"] == "unlisted"]
    assert unlisted == [], "say in privacy_ledger.py what becomes of these attributes"


def test_the_list_names_no_attribute_that_is_not_read_and_none_twice():
    known = set(allow_list())
    assert {*KEPT, *TRANSFORMED, *READ_ONCE} <= known
    assert len(KEPT) + len(TRANSFORMED) + len(READ_ONCE) == len({*KEPT, *TRANSFORMED, *READ_ONCE})
    assert {entry["column"] for entry in allow_list().values()} - {""} <= set(NAMES)


def test_names_dates_and_free_text_are_not_read_at_all():
    never = {
        "PatientName", "OtherPatientIDs", "OtherPatientNames", "PatientAddress", "PatientTelephoneNumbers",
        "AccessionNumber", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "StudyDescription",
        "ProtocolName", "ImageComments", "PatientComments", "RequestedProcedureDescription", "StudyTime", "StudyID",
        "InstitutionAddress", "InstitutionalDepartmentName", "DeviceSerialNumber", "OverlayData", "OverlayComments",
    }  # fmt: skip
    assert never.isdisjoint(allow_list())


def test_identifiers_are_never_kept_as_they_are():
    for keyword in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "StudyDate", "StationName"):
        assert allow_list()[keyword]["done"] == "transformed"
    assert allow_list()["PatientBirthDate"]["done"] == "read once"
