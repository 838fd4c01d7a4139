"""Windows on a desktop: drawing the first box by mouse, showing frames while they are tracked."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np

from asymnas.core.errors import DataError, MissingDependency, Problem

__all__ = ["Viewer", "ask_box", "no_desktop"]

_TITLE = "asymnas track"
_WIDEST, _HIGHEST = 1280, 720
_PROBE = "import cv2; cv2.namedWindow('probe'); cv2.waitKey(1)"


def no_desktop() -> str | None:
    """Return why no window can be opened; None where one can."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "no display is set"
    try:
        done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, timeout=30, check=False)
    except subprocess.TimeoutExpired:
        return "the display does not answer"
    if done.returncode == 0:
        return None
    last = done.stderr.decode(errors="replace").strip().splitlines()
    return last[-1][:200] if last else "a window cannot be opened"


def ask_box(frame: np.ndarray) -> np.ndarray:
    """Show the first frame and return the box (4,) x, y, w, h in pixels that is drawn with the mouse.

    Raises:
        DataError: there is no desktop, or no box was drawn.
    """
    reason = no_desktop()
    way_out = "Give the target's box in the first frame: --box x,y,w,h (pixels, left upper corner first, from 0)."
    if reason is not None:
        rule = f"is needed where it cannot be drawn with the mouse ({reason})"
        raise DataError(Problem("--box", rule, way_out=way_out))
    title = f"{_TITLE}: draw the target's box, then press Enter"
    _open_window(title, frame)
    box = np.array(cv2.selectROI(title, frame, showCrosshair=False), float)
    cv2.destroyWindow(title)
    if (box[2:] <= 0).any():
        raise DataError(Problem("--box", "no box was drawn", way_out=f"Draw one and press Enter. {way_out}"))
    return box


class Viewer:
    """A window that shows pictures while they are made; it opens with the first."""

    def __init__(self) -> None:
        self._open = False

    def show(self, picture: np.ndarray) -> bool:
        """Show a picture (height, width, 3) uint8 BGR; return False when q or Escape was pressed."""
        try:
            if not self._open:
                _open_window(_TITLE, picture)
                self._open = True
            cv2.imshow(_TITLE, picture)
            return cv2.waitKey(1) & 0xFF not in (ord("q"), 27)
        except cv2.error as error:
            way_out = "Install opencv-python, or leave it out."
            raise MissingDependency(Problem("--show", "needs a build of OpenCV with windows", "", way_out)) from error

    def close(self) -> None:
        """Close the window, if it was opened."""
        if self._open:
            cv2.destroyWindow(_TITLE)


def _open_window(title: str, picture: np.ndarray) -> None:
    """Open a window that fits the screen."""
    cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    height, width = picture.shape[:2]
    scale = min(1.0, _WIDEST / width, _HIGHEST / height)
    cv2.resizeWindow(title, max(1, round(width * scale)), max(1, round(height * scale)))
