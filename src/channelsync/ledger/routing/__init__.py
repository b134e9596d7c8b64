"""From which location an order is shipped: `chooser` decides, and knows no database; `docs/routing-cases.md` is what it has to answer."""
