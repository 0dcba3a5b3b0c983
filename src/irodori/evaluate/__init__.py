"""Numbers about what users run: metrics, protocols, baselines, reports."""
