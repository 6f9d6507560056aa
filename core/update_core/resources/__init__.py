"""Applications, Channels, Groups and Packages: the models that the CRDs are generated from."""
