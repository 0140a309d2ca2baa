"""What the bot does. Imports ``knowledge``; nothing imports this."""
