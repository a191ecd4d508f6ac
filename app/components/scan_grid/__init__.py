"""The grid: thumbnails of scans as tiles to pick from, by mouse or keys."""

from app.components.scan_grid.scan_grid import Tile, scan_grid

__all__ = ["Tile", "scan_grid"]
