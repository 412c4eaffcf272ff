"""Built-in strategies: each package holds one, and enters through the plugin door."""
