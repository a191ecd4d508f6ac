"""Files that are being looked at, open: the parsed header is kept while somebody scrolls through their frames."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from workbench.dicom import Frame, open_image
from workbench.dicom.cine import frame_rate
from workbench.dicom.image import Image
from workbench.dicom.sides import Sides, sides

KEPT = 12
KEPT_BYTES = 2**29


class OpenFiles:
    """The files last used; safe for many threads."""

    def __init__(self) -> None:
        self._files: OrderedDict[tuple[str, int, int], _OpenFile] = OrderedDict()
        self._lock = threading.Lock()

    def frame(self, path: Path, number: int) -> tuple[Frame, Sides, float | None]:
        """A frame, where its sides lie in the patient, and its frames per second if they are stated.

        Raises:
            FileRefused: The file cannot be read as a picture.
            OSError: It is gone.
        """
        return self._open(path).frame(number)

    def _open(self, path: Path) -> _OpenFile:
        facts = path.stat()
        key = (str(path), facts.st_size, facts.st_mtime_ns)
        with self._lock:
            found = self._files.pop(key, None)
        found = found or _OpenFile(open_image(path))
        with self._lock:
            self._files[key] = found
            while len(self._files) > 1 and (
                len(self._files) > KEPT or sum(size for _, size, _ in self._files) > KEPT_BYTES
            ):
                self._files.popitem(last=False)
        return found


class _OpenFile:
    def __init__(self, image: Image) -> None:
        self._image, self._lock = image, threading.Lock()

    def frame(self, number: int) -> tuple[Frame, Sides, float | None]:
        with self._lock:  # an image keeps the attributes of the frame that was asked for last
            image = self._image
            return image.frame(number), sides(image.attributes, number), frame_rate(image.parsed.root)
