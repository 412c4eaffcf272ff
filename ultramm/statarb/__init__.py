"""Two prices that belong together: their ratio, what is left between them, and when to trade it."""
