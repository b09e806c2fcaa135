"""Text generation: KV cache, decoding loop, sampling."""

from tramp_jax.generation.cache import KVCache, empty_cache
from tramp_jax.generation.decode import generate, sample

__all__ = ["KVCache", "empty_cache", "generate", "sample"]
