"""Contact sheets of videos, for reports and for looking at the benchmark."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from asymnas.tracking.data._video import Video

__all__ = ["sheet"]

_INK = (255, 255, 255)


def sheet(video: Video, indices: Sequence[int], *, columns: int = 6, scale: int = 1) -> np.ndarray:
    """Return frames of a video side by side, with boxes and the sentence.

    Args:
        video: any video, all frames of one size.
        indices: frames to show, at least one.
        columns: frames a row.
        scale: whole-number enlargement.

    Returns:
        (height, width, 3) uint8 BGR. The box is green, red in frames where the target is absent.
    """
    cells = []
    for index in indices:
        frame = cv2.resize(video.frame(index), None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
        x, y, w, h = (round(scale * value) for value in video.boxes[index])
        cv2.rectangle(frame, (x, y), (x + w - 1, y + h - 1), (0, 0, 255) if video.absent[index] else (0, 255, 0), 1)
        cv2.putText(frame, str(index), (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)
        cells.append(cv2.copyMakeBorder(frame, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0, 0, 0)))
    columns = min(columns, len(cells))
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    rows = [np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)]
    body = np.concatenate(rows)
    head = np.zeros((34, body.shape[1], 3), np.uint8)
    cv2.putText(head, video.sentence or "(no sentence)", (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
    flags = f"{video.name}  {' '.join(sorted(video.attributes))}"
    cv2.putText(head, flags, (4, 29), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (170, 170, 170), 1, cv2.LINE_AA)
    return np.concatenate([head, body])
