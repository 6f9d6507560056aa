"""What should an object's status say? Pure functions from a view of the cluster, the fleet and `now` to a status and its Events."""
