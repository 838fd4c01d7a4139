"""Drawing a scene, one frame at a time; a frame depends on the scene and its index only."""

from __future__ import annotations

import cv2
import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data.synthetic._looks import SPRITE_MARGIN, ground_colours, ground_tile, sprite
from asymnas.tracking.data.synthetic._scene import Scene
from asymnas.tracking.data.synthetic._words import NEUTRALS, Look

__all__ = ["SyntheticFrames"]

_SMEAR = (-0.375, -0.125, 0.125, 0.375)


class SyntheticFrames:
    """The frames of a scene (a `FrameSource`): drawn when asked for, never kept; `name` is for messages."""

    def __init__(self, scene: Scene, name: str) -> None:
        self.scene = scene
        self.name = name
        self._ground = ground_colours(scene.ground, scene.tone)
        self._screen = ground_colours(scene.screen, scene.screen_tone)
        plain = NEUTRALS[int(self._ground[128].mean() > 125)]
        self._plain = [Look(look.shape, plain, "solid") for look in scene.looks]

    def __len__(self) -> int:
        return len(self.scene.camera)

    @property
    def neutral(self) -> np.ndarray:
        """(n,) bool, True for frames in which no object shows its colour or pattern."""
        return self.scene.effects.neutral

    def __getitem__(self, index: int) -> np.ndarray:
        """Return frame `index` as (height, width, 3) uint8 BGR; the array is the caller's own."""
        if not -len(self) <= index < len(self):
            rule, way_out = "the frame index must be within the video", f"It has {len(self)} frames, counted from 0."
            raise DataError(Problem(f"synthetic video {self.name}", rule, str(index), way_out))
        index = int(index) % len(self)
        scene, effects = self.scene, self.scene.effects
        width, height = scene.size
        offset = scene.camera[index]
        frame = self._textured(scene.ground, self._ground, (int(offset[0]), int(offset[1])), width, height)
        for item in scene.order:
            self._stamp(frame, item, index)
        for x, y, w, h in scene.occluders:
            self._stand(frame, (int(x), int(y), int(w), int(h)), offset)
        if effects.neutral[index]:
            frame = self._veil(frame)
        if effects.gain[index] != 1:
            frame = cv2.convertScaleAbs(frame, alpha=float(effects.gain[index]))
        if effects.coarse:
            small = cv2.resize(frame, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            frame = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        return frame

    def target_mask(self, index: int) -> np.ndarray:
        """Return (height, width) uint8, the target's coverage of each pixel as drawn, before anything covers it."""
        width, height = self.scene.size
        frame = np.zeros((height, width, 3), np.uint8)
        self._stamp(frame, 0, index, coverage=True)
        return frame[..., 0]

    def _textured(self, ground: str, colours: np.ndarray, at: tuple[int, int], width: int, height: int) -> np.ndarray:
        full_width, full_height = self.scene.size
        tile = ground_tile(ground, self.scene.variant, full_height, full_width)
        x, y = at[0] % 256, at[1] % 256
        return cv2.applyColorMap(tile[y : y + height, x : x + width], colours)

    def _stand(self, frame: np.ndarray, box: tuple[int, int, int, int], offset: np.ndarray) -> None:
        """Draw a screen, a textured rectangle with a dark edge."""
        x, y = box[0] - int(offset[0]), box[1] - int(offset[1])
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + box[2], frame.shape[1]), min(y + box[3], frame.shape[0])
        if left < right and top < bottom:
            at = (left - x, top - y)
            frame[top:bottom, left:right] = self._textured(
                self.scene.screen, self._screen, at, right - left, bottom - top
            )
            cv2.rectangle(frame, (x, y), (x + box[2] - 1, y + box[3] - 1), (40, 40, 40), 1)

    def _veil(self, frame: np.ndarray) -> np.ndarray:
        effects = self.scene.effects
        grey = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        if effects.veil == "dark":
            return cv2.convertScaleAbs(grey, alpha=0.35)
        if effects.veil == "blur":
            return cv2.GaussianBlur(grey, (0, 0), 2.0 * self.scene.size[0] / 192)
        if effects.veil == "cast":
            return np.rint(grey * np.array(effects.cast)).astype(np.uint8)
        return grey

    def _stamp(self, frame: np.ndarray, item: int, index: int, *, coverage: bool = False) -> None:
        """Draw object `item` into `frame`, or its coverage (white on black, unsmeared)."""
        scene = self.scene
        matrix, centre = scene.shape[item, index], scene.centre[item, index]
        smear = scene.effects.shutter * self._motion(item, index)
        smeared = scene.effects.shutter > 0 and not coverage and float(np.abs(smear).max()) > 1.5
        reach = SPRITE_MARGIN * np.abs(matrix).sum(1) + (np.abs(smear) / 2 if smeared else 0)
        low, high = np.floor(centre - reach).astype(int), np.ceil(centre + reach).astype(int) + 1
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right, bottom = min(int(high[0]), frame.shape[1]), min(int(high[1]), frame.shape[0])
        if left >= right or top >= bottom:
            return
        look = self._plain[item] if scene.effects.neutral[index] else scene.looks[item]
        window = (left, top, right - left, bottom - top)
        if smeared:
            layers = [_warp(look, matrix, centre + share * smear, window) for share in _SMEAR]
            layer = np.asarray(np.mean(layers, axis=0, dtype=np.float32))
        else:
            layer = _warp(look, matrix, centre, window).astype(np.float32)
        region = frame[top:bottom, left:right]
        if coverage:
            region[:] = layer[..., 3:]
            return
        region[:] = layer[..., :3] + region * (1 - layer[..., 3:] * np.float32(1 / 255)) + np.float32(0.5)

    def _motion(self, item: int, index: int) -> np.ndarray:
        path = self.scene.centre[item]
        after, before = min(index + 1, len(path) - 1), max(index - 1, 0)
        return (path[after] - path[before]) / max(after - before, 1)


def _warp(look: Look, matrix: np.ndarray, centre: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
    """Return the sprite of a look, placed by `matrix` and `centre`, as the window x, y, w, h of the frame sees it."""
    reach = float(np.abs(matrix).max())
    side = 32 if reach < 19 else 64 if reach < 38 else 128
    unit = side / (2 * SPRITE_MARGIN)  # sprite pixels a radius
    (a, b), (c, d) = matrix / unit
    middle = (side - 1) / 2
    x, y = centre[0] - 0.5 - window[0], centre[1] - 0.5 - window[1]
    place = np.array([[a, b, x - (a + b) * middle], [c, d, y - (c + d) * middle]])
    return cv2.warpAffine(sprite(look, side), place, window[2:], flags=cv2.INTER_LINEAR)
