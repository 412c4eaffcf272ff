"""What a node decided and what happened to it, as typed records; and the commands that travel back to it."""
