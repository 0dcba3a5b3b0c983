"""Many photos at once: a folder or an archive, resumable, locally or on a cluster."""
