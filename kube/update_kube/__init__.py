"""The one room that talks to Kubernetes, on the official client."""
