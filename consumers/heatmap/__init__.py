"""An order book over time as a picture: what rested at which price, best prices and trades drawn over it."""
