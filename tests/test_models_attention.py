"""`attend` is PyTorch's scaled dot-product attention, with the masks given as structure."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tramp_jax.models.attention import attend

B, S, H, G, K = 2, 11, 6, 2, 8


def inputs(seed=0, keys=S):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in ((B, S, H, K), (B, keys, G, K), (B, keys, G, K))]


def reference(query, key, value, mask):
    query, key, value = (torch.tensor(x).transpose(1, 2) for x in (query, key, value))
    key, value = (x.repeat_interleave(H // G, dim=1) for x in (key, value))
    mask = torch.tensor(np.broadcast_to(mask, (B, 1, query.shape[2], key.shape[2])))
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, mask).transpose(1, 2).numpy()


@pytest.mark.parametrize("causal", [True, False])
def test_it_is_the_attention_of_pytorch(causal):
    query, key, value = inputs()
    valid = np.random.default_rng(1).random((B, S)) < 0.7
    valid[:, 0] = True
    mask = valid[:, None, None, :] & (np.tril(np.ones((S, S), bool)) if causal else np.ones((S, S), bool))
    ours = attend(*map(jnp.asarray, (query, key, value)), key_mask=jnp.asarray(valid), causal=causal)
    np.testing.assert_allclose(ours, reference(query, key, value, mask), atol=1e-5)


def test_without_a_mask_every_key_counts():
    query, key, value = inputs(keys=5)
    ours = attend(*map(jnp.asarray, (query, key, value)))
    np.testing.assert_allclose(ours, reference(query, key, value, np.ones((S, 5), bool)), atol=1e-5)


def test_a_row_without_any_valid_key_stays_finite():
    query, key, value = map(jnp.asarray, inputs())
    assert np.isfinite(attend(query, key, value, key_mask=jnp.zeros((B, S), bool), causal=True)).all()


def test_bfloat16_inputs_have_their_softmax_in_float32():
    query, key, value = inputs()
    low = [jnp.asarray(x, jnp.bfloat16) for x in (30 * query, key, value)]  # a softmax in bfloat16 is far off here
    exact = attend(*(x.astype(jnp.float32) for x in low))
    np.testing.assert_allclose(attend(*low).astype(jnp.float32), exact, atol=0.02)
