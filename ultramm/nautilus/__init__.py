"""The only package of the framework that imports nautilus_trader."""
