"""What somebody expects of a price: how sure, how much, and for how long."""
