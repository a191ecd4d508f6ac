"""Where an attribute of a frame stands: in its own functional group, else in the shared one, else in the root.

PS3.3 C.7.6.16. Single-frame objects have everything in the root; enhanced ones may have it anywhere.
"""

from __future__ import annotations

from functools import cached_property

from workbench.dicom.attributes import Attributes, Span
from workbench.dicom.elements import Malformed


class FrameAttributes:
    """Looks attributes of one instance's frames up.

    Args:
        root: The root data set.
    """

    def __init__(self, root: Attributes):
        self.root = root
        self._latest: tuple[int, Attributes] = (-1, Attributes.empty())

    @cached_property
    def _shared(self) -> Attributes:
        return self.root.item("SharedFunctionalGroupsSequence") or Attributes.empty()

    @cached_property
    def _spans(self) -> list[Span]:
        return self.root.spans("PerFrameFunctionalGroupsSequence")

    def own(self, frame: int) -> Attributes:
        """A frame's own functional groups; without elements where it has none.

        The latest frame's are kept, so that thousands of frames, taken one after another, take no memory.
        """
        if self._latest[0] != frame:
            try:
                self._latest = (frame, self.root.parsed(self._spans[frame]))
            except (IndexError, Malformed):
                self._latest = (frame, Attributes.empty())
        return self._latest[1]

    def group(self, name: str, keyword: str, frame: int) -> Attributes | None:
        """The item of a functional group that holds an attribute of a frame: its own, else the shared one, else None.

        Args:
            name: Keyword of the functional group's sequence.
            keyword: Keyword of the attribute inside it.
            frame: Which frame, from 0.
        """
        for level in (self.own(frame), self._shared):
            item = level.item(name) if level.elements else None
            if item is not None and keyword in item:
                return item
        return None

    def find(self, group: str, keyword: str, frame: int) -> Attributes:
        """The data set that holds an attribute of a frame: an item of ``group``, or the root.

        Args:
            group: Keyword of the functional group's sequence.
            keyword: Keyword of the attribute inside it.
            frame: Which frame, from 0.
        """
        found = self.group(group, keyword, frame)
        return self.root if found is None else found
