"""The servers that alone know the boxes of some test splits."""

from __future__ import annotations

__all__ = ["SERVERS"]

SERVERS = {
    "got10k": "the GOT-10k evaluation server (http://got-10k.aitestunion.com)",
    "trackingnet": "the TrackingNet evaluation server (https://eval.tracking-net.org)",
}
"""By data set."""
