"""Which releases does the local control plane consist of?

The Go modules in tools/control-plane pin the same ones; a test holds the two together.
"""

KUBERNETES = "v1.37.2"
ETCD = "v3.7.3"
