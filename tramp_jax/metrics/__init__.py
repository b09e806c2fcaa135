"""Metrics of severity scores and of reports; plain NumPy."""
