"""Mesh and the rule tables that place parameters on it."""
