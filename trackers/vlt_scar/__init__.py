"""VLT_SCAR."""
