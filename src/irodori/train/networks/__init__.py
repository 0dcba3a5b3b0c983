"""Networks that can be trained: the paper's and ours."""
