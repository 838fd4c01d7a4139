"""Tables of the truth: how one is built and read, what it says, and searches of it."""
