"""Other programs' formats and tools: NNI, SOTS, SPOS, got10k, vot-toolkit; import the module you need."""
