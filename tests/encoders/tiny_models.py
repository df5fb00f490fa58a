"""Real model architectures with tiny random weights, made on the spot: the libraries' own loading code runs on them."""

import json
from pathlib import Path
from typing import Any

from shotsmith.retrieval.encoders._torch import import_extra

CLIP_CONFIG = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 64, "head_width": 32, "layers": 1},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


def open_clip_files(
    folder: Path, name: str = "tiny-clip", seed: int = 0, **changes: Any
) -> tuple[Path, Path]:
    """A JSON model config of open_clip and a checkpoint that fits it."""
    open_clip = import_extra("open_clip", "clip")
    import torch

    config, checkpoint = folder / f"{name}.json", folder / f"{name}-{seed}.pt"
    config.write_text(json.dumps(CLIP_CONFIG | changes))
    open_clip.add_model_config(config)
    torch.manual_seed(seed)
    torch.save(open_clip.create_model(name).state_dict(), checkpoint)
    return config, checkpoint


def open_clip_directory(folder: Path) -> Path:
    """A directory in the format that open_clip reads from a disk or a hub, with a preprocessing of its own."""
    open_clip = import_extra("open_clip", "clip")
    import torch
    from safetensors.torch import save_file

    config, _ = open_clip_files(folder, "tiny-directory")
    torch.manual_seed(1)
    directory = folder / "directory"
    directory.mkdir()
    save_file(open_clip.create_model(config.stem).state_dict(), directory / "open_clip_model.safetensors")
    settings = {"model_cfg": CLIP_CONFIG, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.25] * 3}}
    (directory / "open_clip_config.json").write_text(json.dumps(settings))
    return directory


def sentence_transformers_clip(folder: Path) -> Path:
    """A CLIP of transformers in sentence-transformers' CLIPModel module, saved as such models are."""
    library = import_extra("sentence_transformers", "st")
    import torch
    from sentence_transformers.sentence_transformer.modules import CLIPModel
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPProcessor, CLIPTokenizer
    from transformers import CLIPModel as Weights

    letters = [chr(code) for code in range(33, 127)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    special = {
        "bos_token_id": len(tokens) - 2,
        "eos_token_id": len(tokens) - 1,
        "pad_token_id": len(tokens) - 1,
    }
    config = CLIPConfig(
        projection_dim=24,
        text_config=tower | special | {"vocab_size": len(tokens), "max_position_embeddings": 77},
        vision_config=tower | {"image_size": 32, "patch_size": 16},
    )
    torch.manual_seed(2)
    raw, saved = folder / "raw", folder / "st-clip"
    Weights(config).save_pretrained(raw)
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(pictures, CLIPTokenizer(vocab=vocabulary, merges=[])).save_pretrained(raw)
    library.SentenceTransformer(modules=[CLIPModel(str(raw))], device="cpu").save(str(saved))
    return saved
