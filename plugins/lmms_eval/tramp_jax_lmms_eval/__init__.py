"""tramp-jax in lmms-eval: `manifest` names the model to its registry, `export` writes a data set as tasks."""


def manifest():
    """What the entry point `lmms_eval.models` gives: `--model tramp_jax`."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest(model_id="tramp_jax", simple_class_path="tramp_jax_lmms_eval.model.TrampJax")
