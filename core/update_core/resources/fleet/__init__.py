"""The kinds of the fleet API, which are served from the fleet store and stored nowhere else."""
