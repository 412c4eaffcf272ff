"""Which prices belong together: statistics over recorded windows, apart from any trading."""
