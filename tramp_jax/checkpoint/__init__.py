"""Checkpoints of a run: save, restore."""
