"""What a node measures, for Prometheus."""
