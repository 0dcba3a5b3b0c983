"""What a person can tell the network, as plain frozen values."""
