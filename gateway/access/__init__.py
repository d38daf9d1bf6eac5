"""Who asks: accounts, roles and the secrets behind them."""
