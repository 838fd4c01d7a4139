"""Score a tracker of your own on generated video, beside one that never moves.

python examples/own_tracker.py
"""

from __future__ import annotations

import cv2
import numpy as np

import asymnas
from asymnas.tracking import frame_tracker
from asymnas.tracking.data import load_dataset


class MeanColour:
    """Moves to the place near the last box whose colour is most like the target's."""

    def init(self, image: np.ndarray, box: np.ndarray) -> None:
        x, y, w, h = (int(value) for value in box)
        self.box, self.colour = np.array(box), image[y : y + h, x : x + w].reshape(-1, 3).mean(0)

    def update(self, image: np.ndarray) -> np.ndarray:
        x, y, w, h = self.box
        likeness = -np.abs(image - self.colour).sum(2).astype(np.float32)
        likeness = cv2.blur(likeness, (max(1, int(w)), max(1, int(h))))
        low_x, low_y = max(0, int(x)), max(0, int(y))
        window = likeness[low_y : int(y + 2 * h), low_x : int(x + 2 * w)]
        if window.size:
            _, _, _, (column, row) = cv2.minMaxLoc(window)
            self.box[:2] = low_x + column - w / 2, low_y + row - h / 2
        return self.box


def main() -> None:
    mine = frame_tracker("mean_colour", MeanColour, "Follows a colour.", colour="bgr")
    videos = load_dataset("synthetic", "test", videos=4, frames=8).videos
    for name, tracker in (
        ("mean_colour", mine.build(mine.options())),
        ("static", asymnas.open_tracker("static").tracker),
    ):
        results = {result.video: result.boxes for result in asymnas.track(tracker, videos)}
        scores = asymnas.score(results, videos, protocol="lasot")
        print(f"{name}: SUC {scores.values['SUC']:.3f}, {len(videos)} videos, protocol lasot")


if __name__ == "__main__":
    main()
