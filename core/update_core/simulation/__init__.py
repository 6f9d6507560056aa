"""What would become of a rollout? The real decisions, store and progress on a clock of its own, for a fleet that is made up."""
