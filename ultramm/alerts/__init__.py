"""Rules over the journal, and messages to people: what a node's owner should know without looking."""
