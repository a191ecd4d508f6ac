import uuid

from workbench.dicom.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, uid_from


def test_uids_depend_on_the_parts_and_their_order_alone():
    assert uid_from("a", "b") == uid_from("a", "b")
    assert len({uid_from("a", "b"), uid_from("b", "a"), uid_from("ab"), uid_from("a", "b", "")}) == 4


def test_uids_are_uuids_under_their_root():
    for number in range(50):
        uid = uid_from("x", str(number))
        made = uuid.UUID(int=int(uid.removeprefix("2.25.")))
        assert (made.version, made.variant) == (8, uuid.RFC_4122)
        assert len(uid) <= 64


def test_the_program_has_a_uid_and_a_name_that_fit():
    assert uuid.UUID(int=int(IMPLEMENTATION_CLASS_UID.removeprefix("2.25."))).version == 4
    assert 1 <= len(IMPLEMENTATION_VERSION_NAME) <= 16
