"""A venue on this machine that speaks Binance's protocol."""
