"""The practice room: an invented product, its support channels and one working day, for ``earshot demo``."""
