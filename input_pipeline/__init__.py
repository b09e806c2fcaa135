"""Face clips from video or simulation to training batches. NumPy only; imports nothing of tramp_jax."""
