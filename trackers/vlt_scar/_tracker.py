"""The tracker of the plugin."""

from __future__ import annotations

from asymnas.tracking.siamese.car.tracker import CARTracker


class VLTSCAR(CARTracker):
    """VLT_SCAR over any space with two image branches of equal stages; arguments as for its base."""

    name = "vlt_scar"
