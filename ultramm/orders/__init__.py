"""Our own orders: what is live, and the least that has to be sent to reach what is wanted."""
