"""VLT_RPN++."""

from __future__ import annotations

from asymnas.tracking.siamese.rpn.tracker import RPNTracker


class VLTRPNPP(RPNTracker):
    """The RPN head over any space with two image branches of equal stages; arguments as for its base."""

    name = "vlt_rpnpp"
