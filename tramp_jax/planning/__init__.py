"""What a step will need on a TPU pod, from the TPU compiler and formulas, without the pod."""
