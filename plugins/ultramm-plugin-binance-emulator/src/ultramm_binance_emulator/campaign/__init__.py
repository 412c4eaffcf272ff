"""Whether a node keeps its orders whatever the venue does: faults on command, and both sides' books compared."""
