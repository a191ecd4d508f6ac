import errno

import pytest

from workbench.store.reasons import Changed
from workbench.store.reasons import reason as told


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Changed(), ("changed", "the pixels differ from those that were indexed; run 'workbench index' again")),
        (MemoryError(), ("too_big", "needs more memory than there is")),
        (PermissionError(errno.EACCES, "Permission denied"), ("unreadable", "Permission denied")),
        (ValueError("patient Mustermann"), ("crashed", "ValueError")),
    ],
)
def test_reasons_never_quote_what_a_parser_says(error, reason):
    assert told(error) == reason
