"""The web page: reads the journal, and nothing else."""
