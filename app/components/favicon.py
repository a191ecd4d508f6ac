"""The icon in the browser's tab, drawn here: Streamlit would fetch its named icons from another server."""

from __future__ import annotations

from PIL import Image, ImageDraw

SIDE = 64


def favicon() -> Image.Image:
    """A rising curve on blue, 64 pixels."""
    image = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, SIDE - 1, SIDE - 1), radius=14, fill="#0072B2")
    points = [(12, 50), (22, 34), (34, 24), (52, 17)]
    draw.line(points, fill="white", width=7, joint="curve")
    for x, y in (points[0], points[-1]):
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill="#E69F00")
    return image
