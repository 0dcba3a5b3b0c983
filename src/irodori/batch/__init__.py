"""Many photos at once: a folder with all its folders, resumable, on this machine or on a cluster."""
