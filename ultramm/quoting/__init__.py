"""Pure quoting: a fair value, an inventory and parameters become orders on the grid of ticks and lots."""
