"""SiamRPN++."""

from __future__ import annotations

from asymnas.tracking.siamese.rpn.tracker import RPNTracker


class SiamRPNPP(RPNTracker):
    """The RPN head over a space without sentences; arguments as for its base."""

    name = "siamrpnpp"
