"""The tracker of the plugin."""

from __future__ import annotations

from asymnas.tracking.siamese.transformer.tracker import TransTTracker


class VLTTT(TransTTracker):
    """VLT_TT over any space with two image branches of equal stages; arguments as for its base."""

    name = "vlt_tt"
