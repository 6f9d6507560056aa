"""The fleet as an aggregated Kubernetes API: instances and the progress of groups, served from the fleet store."""
