"""Contract tests that plugin authors subclass; needs pytest (`pip install 'asymnas[test]'`)."""

from asymnas.testing._tracker import TrackerContract, moving_square

__all__ = ["TrackerContract", "moving_square"]
