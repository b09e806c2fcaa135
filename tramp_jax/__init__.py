"""TraMP-LLaMA in JAX: severity scores and motion reports from face video. Research use only."""

__version__ = "0.1.0"
