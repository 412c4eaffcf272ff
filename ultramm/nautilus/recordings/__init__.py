"""Files of other people's recordings -> Nautilus data: one module a kind of file, and what they share."""
