"""What the trading earned, where it came from, and how the quoting did."""
