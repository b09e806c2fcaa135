"""The text tokenizer: one class over sentencepiece models and Hugging Face's tokenizer.json.

`tokenizer` is the class, `sentencepiece_engine` and `json_engine` the two kinds, `files` what is read from a folder, `chat`
the chat template, `training` a model of our own, `conversion` the way from sentencepiece to tokenizer.json.
"""

from input_pipeline.tokenizer.files import has_tokenizer
from input_pipeline.tokenizer.tokenizer import Tokenizer
from input_pipeline.tokenizer.training import train_tokenizer

__all__ = ["Tokenizer", "has_tokenizer", "train_tokenizer"]
