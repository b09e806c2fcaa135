"""Vision transformer for single frames: SigLIP, CLIP and VideoLLaMA3's vision encoder.

They differ by configuration: CLIP has a class token, a norm before the layers, no bias on the patches, its own activation
and pixel statistics, and no norm after the layers (its published one acts on the class token alone, which is dropped here);
VideoLLaMA3's is a SigLIP with 2-D rotary positions in place of learned ones. Norms, positions and softmax compute in float32,
everything else in `config.dtype`.

Axes: N frames (batch and time folded by the caller), P patches, D width, H heads, K head dim.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import ml_collections
from flax import nnx
from jaxtyping import Array, Float, UInt8

from input_pipeline.errors import UserError
from tramp_jax.models.attention import attend
from tramp_jax.models.linear import linear
from tramp_jax.models.rope import grid_angles, rotate
from tramp_jax.models.stack import scan_layers, stack_layers
from tramp_jax.sharding.activations import constrain

POSITIONS = ("learned", "rope_2d")
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu_tanh": functools.partial(jax.nn.gelu, approximate=True),
    "gelu": functools.partial(jax.nn.gelu, approximate=False),
    "quick_gelu": lambda x: x * jax.nn.sigmoid(1.702 * x),
}


def default_vit_config() -> ml_collections.ConfigDict:
    """SigLIP so400m at 224 pixels, frozen: 16 x 16 patches of width 1152."""
    config = ml_collections.ConfigDict()
    # Shape, named as in the published config.json. Defaults: google/siglip-so400m-patch14-224.
    config.image_size = 224  # height and width of a frame
    config.patch_size = 14
    config.hidden_size = 1152
    config.intermediate_size = 4304
    config.num_hidden_layers = 27
    config.num_attention_heads = 16
    config.layer_norm_eps = 1e-6
    config.hidden_act = "gelu_tanh"  # "gelu_tanh" (SigLIP), "quick_gelu" (OpenAI's CLIP) or "gelu"
    config.positions = "learned"  # "rope_2d" for VideoLLaMA3's: rotary over the grid of patches
    config.rope_theta = 10000.0  # VideoLLaMA3; read with "rope_2d" alone
    config.class_token = False  # True for CLIP
    config.pre_layernorm = False  # True for CLIP
    config.post_layernorm = True  # False for CLIP, see the top of this file
    config.patch_bias = True  # False for CLIP
    config.image_mean = (0.5, 0.5, 0.5)  # SigLIP's preprocessor, for pixels in [0, 1]
    config.image_std = (0.5, 0.5, 0.5)  # SigLIP's preprocessor
    # How it computes.
    config.dtype = "bfloat16"  # DESIGN section 4
    config.param_dtype = "bfloat16"  # DESIGN section 4: frozen; "float32" where it is trained
    config.remat = "none"  # ours: a frozen tower keeps nothing for a backward pass
    config.unroll = 1  # ours: layers per loop iteration; 1 compiles fastest
    return config


def siglip_so400m_224() -> ml_collections.ConfigDict:
    """google/siglip-so400m-patch14-224."""
    return default_vit_config()


def videollama3_vision_224() -> ml_collections.ConfigDict:
    """VideoLLaMA3's vision encoder (SigLIP-NaViT) on frames of 224 pixels; any multiple of 28 would do."""
    config = default_vit_config()
    config.positions = "rope_2d"
    return config


def clip_vit_l_14_224() -> ml_collections.ConfigDict:
    """openai/clip-vit-large-patch14. LLaVA reads the output of layer 23: `num_hidden_layers = 23` gives that."""
    config = default_vit_config()
    config.hidden_size, config.intermediate_size = 1024, 4096
    config.num_hidden_layers, config.num_attention_heads = 24, 16
    config.layer_norm_eps = 1e-5
    config.hidden_act = "quick_gelu"
    config.class_token = config.pre_layernorm = True
    config.post_layernorm = config.patch_bias = False
    config.image_mean = (0.48145466, 0.4578275, 0.40821073)
    config.image_std = (0.26862954, 0.26130258, 0.27577711)
    return config


def tiny_vit(
    image_size: int = 64, patch_size: int = 16, hidden_size: int = 64, num_hidden_layers: int = 2
) -> ml_collections.ConfigDict:
    """A SigLIP small enough to be trained from scratch on a CPU (ours), in float32."""
    config = default_vit_config()
    config.image_size, config.patch_size = image_size, patch_size
    config.hidden_size, config.intermediate_size = hidden_size, 2 * hidden_size
    config.num_hidden_layers, config.num_attention_heads = num_hidden_layers, 2
    config.dtype = config.param_dtype = "float32"
    config.unroll = num_hidden_layers  # as in `llama_presets.tiny`
    return config


class VitAttention(nnx.Module):
    """Multi-head attention over the patches of one frame."""

    def __init__(self, config: ml_collections.ConfigDict, *, rngs: nnx.Rngs):
        width = config.hidden_size
        self.num_heads = config.num_attention_heads
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            cut = "kernel_in" if name == "out_proj" else "kernel_out"
            setattr(self, name, linear(config, width, width, rngs=rngs, bias=True, cut=cut))

    def __call__(self, x: Float[Array, "N P D"], rope: tuple[Array, Array] | None) -> Float[Array, "N P D"]:
        query, key, value = (
            constrain(project(x).reshape(*x.shape[:2], self.num_heads, -1), "heads")
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        if rope is not None:
            query, key = rotate(query, rope), rotate(key, rope)
        attended = attend(query, key, value)  # [N, P, H, K]
        return self.out_proj(attended.reshape(x.shape))


class VitMlp(nnx.Module):
    """Linear, activation, linear."""

    def __init__(self, config: ml_collections.ConfigDict, *, rngs: nnx.Rngs):
        self.fc1 = linear(config, config.hidden_size, config.intermediate_size, rngs=rngs, bias=True, cut="kernel_out")
        self.fc2 = linear(config, config.intermediate_size, config.hidden_size, rngs=rngs, bias=True, cut="kernel_in")
        self.activation = config.hidden_act

    def __call__(self, x: Float[Array, "N P D"]) -> Float[Array, "N P D"]:
        return self.fc2(ACTIVATIONS[self.activation](constrain(self.fc1(x), "mlp")))


class VitLayer(nnx.Module):
    """One pre-norm layer."""

    def __init__(self, config: ml_collections.ConfigDict, *, rngs: nnx.Rngs):
        self.layer_norm1 = _norm(config, rngs)
        self.self_attn = VitAttention(config, rngs=rngs)
        self.layer_norm2 = _norm(config, rngs)
        self.mlp = VitMlp(config, rngs=rngs)

    def __call__(self, x: Float[Array, "N P D"], rope: tuple[Array, Array] | None) -> Float[Array, "N P D"]:
        x = constrain(x, "batch")
        x = x + self.self_attn(self.layer_norm1(x), rope)
        return constrain(x + self.mlp(self.layer_norm2(x)), "batch")


class Vit(nnx.Module):
    """Frames (N, h, w, 3) -> patch features (N, P, D), row by row from the top left.

    Raises:
      UserError: an unknown activation or kind of positions, or frames that are not of `image_size`.
    """

    def __init__(self, config: ml_collections.ConfigDict, *, rngs: nnx.Rngs):
        if config.hidden_act not in ACTIVATIONS:
            raise UserError(f"config: hidden_act={config.hidden_act!r} is not known: use one of {', '.join(ACTIVATIONS)}")
        if config.positions not in POSITIONS:
            raise UserError(f"config: positions={config.positions!r} is not known: use one of {', '.join(POSITIONS)}")
        if config.positions == "rope_2d" and config.class_token:
            raise UserError("config: positions='rope_2d' has no place for a class token: set class_token=False")
        self.image_size, self.patch_size = config.image_size, config.patch_size
        self.grid = config.image_size // config.patch_size
        self.mean, self.std = tuple(config.image_mean), tuple(config.image_std)
        self.dtype = jnp.dtype(config.dtype)
        self.remat, self.unroll = config.remat, config.unroll
        width, param_dtype = config.hidden_size, jnp.dtype(config.param_dtype)
        init = nnx.initializers.normal(width**-0.5)
        learned = config.positions == "learned"
        tokens = self.grid**2 + config.class_token
        self.patch_embedding = linear(config, 3 * config.patch_size**2, width, rngs=rngs, bias=config.patch_bias)
        self.position_embedding = nnx.Param(init(rngs.params(), (tokens, width), param_dtype)) if learned else None
        self.rotary = None if learned else (width // config.num_attention_heads, config.rope_theta)
        self.class_embedding = nnx.Param(init(rngs.params(), (width,), param_dtype)) if config.class_token else None
        self.pre_layernorm = _norm(config, rngs) if config.pre_layernorm else None
        self.layers = stack_layers(lambda layer_rngs: VitLayer(config, rngs=layer_rngs), config.num_hidden_layers, rngs)
        self.post_layernorm = _norm(config, rngs) if config.post_layernorm else None

    def __call__(self, images: UInt8[Array, "N h w 3"] | Float[Array, "N h w 3"]) -> Float[Array, "N P D"]:
        """Patch features in the compute dtype.

        Args:
          images: RGB, uint8 in [0, 255] or float in [0, 1]; normalised in here.
        """
        if images.shape[1:] != (self.image_size, self.image_size, 3):
            raise UserError(
                f"the ViT got frames of {images.shape[1:]}, expected ({self.image_size}, {self.image_size}, 3): "
                "set the pipeline's frame size or the ViT's image_size"
            )
        x = self.patch_embedding(self._patches(images))
        if self.class_embedding is not None:
            first = jnp.broadcast_to(self.class_embedding[...].astype(x.dtype), (x.shape[0], 1, x.shape[-1]))
            x = jnp.concatenate([first, x], axis=1)
        x = x if self.position_embedding is None else x + self.position_embedding[...].astype(x.dtype)
        x = x if self.pre_layernorm is None else self.pre_layernorm(x)
        rope = None if self.rotary is None else grid_angles(self.grid, self.grid, *self.rotary)
        x = scan_layers(
            lambda layer, x, _: layer(x, rope), self.layers, x, dtype=self.dtype, remat=self.remat, unroll=self.unroll
        )
        x = x if self.post_layernorm is None else self.post_layernorm(x)
        return x if self.class_embedding is None else x[:, 1:]

    def _patches(self, images: Array) -> Float[Array, "N P pixels"]:
        # The convolution of the published towers, as a matmul; like it, this drops the pixels of a last incomplete patch.
        side, patch, grid = self.grid * self.patch_size, self.patch_size, self.grid
        pixels = images[:, :side, :side].astype(jnp.float32) / (255 if images.dtype == jnp.uint8 else 1)
        pixels = ((pixels - jnp.asarray(self.mean)) / jnp.asarray(self.std)).astype(self.dtype)
        pixels = pixels.reshape(-1, grid, patch, grid, patch, 3).transpose(0, 1, 3, 2, 4, 5)
        return pixels.reshape(-1, grid * grid, patch * patch * 3)


def _norm(config: ml_collections.ConfigDict, rngs: nnx.Rngs) -> nnx.LayerNorm:
    return nnx.LayerNorm(
        config.hidden_size,
        epsilon=config.layer_norm_eps,
        use_fast_variance=False,  # E[x^2] - E[x]^2 cancels where the mean is large
        dtype=jnp.dtype(config.dtype),
        param_dtype=jnp.dtype(config.param_dtype),
        rngs=rngs,
    )
