"""What the engine must know of a market, estimated from it while it trades, each with its error."""
