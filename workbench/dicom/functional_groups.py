"""Where an attribute of a frame stands: in its own functional group, else in the shared one, else in the root.

PS3.3 C.7.6.16. Single-frame objects have everything in the root; enhanced ones may have it anywhere.
"""

from __future__ import annotations

from functools import cached_property

from workbench.dicom.attributes import Attributes


class FrameAttributes:
    """Looks attributes of one instance's frames up.

    Args:
        root: The root data set.
    """

    def __init__(self, root: Attributes):
        self.root = root

    @cached_property
    def _shared(self) -> Attributes:
        return self.root.item("SharedFunctionalGroupsSequence") or Attributes.empty()

    @cached_property
    def _frames(self) -> list[Attributes]:
        return self.root.items("PerFrameFunctionalGroupsSequence")

    def find(self, group: str, keyword: str, frame: int) -> Attributes:
        """The data set that holds an attribute of a frame: an item of ``group``, or the root.

        Args:
            group: Keyword of the functional group's sequence.
            keyword: Keyword of the attribute inside it.
            frame: Which frame, from 0.
        """
        own = self._frames[frame] if frame < len(self._frames) else Attributes.empty()
        for level in (own, self._shared):
            item = level.item(group)
            if item is not None and keyword in item:
                return item
        return self.root
