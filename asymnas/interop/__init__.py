"""Other programs' formats: NNI, SOTS' architecture lists, SPOS' checkpoints. Each module is imported where it is used."""
