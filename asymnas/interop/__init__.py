"""Other programs' formats: NNI, SOTS' architecture lists, SPOS' checkpoints; import the module you need."""
