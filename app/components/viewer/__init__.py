"""The viewer: one picture or stack of 16-bit frames on a canvas, with window, zoom and cine in the browser."""

from app.components.viewer.viewer import Case, Plane, viewer

__all__ = ["Case", "Plane", "viewer"]
