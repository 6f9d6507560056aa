"""Who asks, and what is known of them: in memory, and on its way to the store."""
