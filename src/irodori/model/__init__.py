"""The network seen from outside: its tensors, its files, its runtime."""
