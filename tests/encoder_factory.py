"""A small random BERT with a tokenizer of whole words, as a folder of transformers."""

import re
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

LAYERS = 3


def save_encoder(folder: Path, texts, longest: int = 64) -> Path:
    """A BERT with float32 weights; words that are not in `texts` are [UNK]."""
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *sorted({w for text in texts for w in re.findall(r"\w+|[^\w\s]", text.lower())}),
    ]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", words.index("[CLS]")), ("[SEP]", words.index("[SEP]"))]
    )
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=longest, **special).save_pretrained(
        folder
    )
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": LAYERS, "num_attention_heads": 2}
    config = transformers.BertConfig(vocab_size=len(words), max_position_embeddings=longest, pad_token_id=0, **sizes)
    model = transformers.BertModel(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            # Small biases, as large ones make all tokens alike.
            parameter.copy_(1 + 0.3 * noise if name.endswith("LayerNorm.weight") else 0.3 * noise)
    model.save_pretrained(folder)
    return folder
