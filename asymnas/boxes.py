"""Box arithmetic and crop geometry. Boxes are (x, y, w, h) in pixels, 0-based, unless a name says `xyxy`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CropGeometry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CropGeometry:
    """The square crops a tracker reads; one geometry serves training and inference.

    Args:
        template_size: side of the template crop in crop pixels (127 in the paper).
        search_size: side of the search crop in crop pixels (255 in the paper).
        context: context margin added to the box, as a share of (w + h); 0.5 in SiamFC and its heirs. The template
            crop's side in image pixels is sqrt((w + p)(h + p)) with p = context * (w + h), and the search crop's
            is that times search_size / template_size.
    """

    template_size: int = 127
    search_size: int = 255
    context: float = 0.5
