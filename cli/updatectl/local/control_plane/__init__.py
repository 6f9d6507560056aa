"""How does a machine without a cluster get a real Kubernetes API?

kube-apiserver, etcd and kube-controller-manager are found or built (binaries), given certificates and run on loopback
(cluster). There are no nodes: nothing is ever scheduled, everything else of the API is the real thing. `updatectl
local` and the tests use it.
"""
