"""What Siamese trackers share: options, crops and grid, neck, correlation, box losses, sessions and the online loop."""
