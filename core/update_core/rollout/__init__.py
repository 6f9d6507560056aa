"""Which instance may update now, and to what."""
