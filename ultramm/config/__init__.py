"""One YAML file for backtest, paper and live: its structs, and errors that name file and key."""
