"""Everything on one machine: control plane, CRDs, RBAC, operator and Omaha service on loopback."""
