"""WHERE: the only layer that touches the network and the database."""
