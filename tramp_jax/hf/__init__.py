"""Pretrained weights in, Hugging Face checkpoints out. Key maps are tables, one file per model family; nothing here needs torch
but `pytorch/`, which holds the model that exports carry and the two steps that run in a process of their own."""
