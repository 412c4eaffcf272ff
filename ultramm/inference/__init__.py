"""What a learned model is beside orders: numbers, and a plain function of them."""
