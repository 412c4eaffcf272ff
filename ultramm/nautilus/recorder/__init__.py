"""Recording what venues send: a queue, a spool that survives a kill, and Parquet at each rotation."""
