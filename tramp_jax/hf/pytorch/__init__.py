"""What needs torch: the PyTorch model and processor that exports carry (`*_tramp_llama.py`), and steps that run in a process of
their own. Nothing else of the project imports these files; `vendor` alone is free of torch."""
