"""What an order must pass before it may leave."""
