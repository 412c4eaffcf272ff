"""Built-in adapters: each package holds one venue, and enters through the plugin door."""
