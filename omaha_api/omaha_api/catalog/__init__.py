"""The resources of Kubernetes, as one snapshot that checks are answered from."""
