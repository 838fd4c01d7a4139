"""Pictures of boxes on frames: overlays, sheets, strips."""
