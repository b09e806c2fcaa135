"""The model's blocks, one file each; `tramp_llama` puts them together."""
