"""Metrics of the related systems: expressions, action units, valence and arousal, texts about emotion; plain NumPy."""
