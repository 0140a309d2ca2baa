"""What was said and what is known. Imports nothing of ``bot``."""
