"""Where work is done: a Ray cluster, and pools of workers on it or in this process; generic in request and answer."""
