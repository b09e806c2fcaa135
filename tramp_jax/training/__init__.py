"""State, optimizers, step and loop of decoupled, alternating training."""
