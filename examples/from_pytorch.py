"""Converts the network of the original course program, as saved by PyTorch, to a checkpoint of this package.

    python examples/from_pytorch.py STATE_DICT.pt VOCAB.json OUT.safetensors
    npm run gen 湖 -- --model OUT.safetensors       (or, in a program: Model.load('OUT.safetensors'))

In the original program, these two lines write the input files:

    torch.save(rnn_model.state_dict(), "STATE_DICT.pt")
    json.dump(word_int_map, open("VOCAB.json", "w"))       (or the list of its vocabularies)

Needs only torch. Other networks are rejected, and nothing is written. The LSTM must have been created with
batch_first=True, which the files do not record: without it, the LSTM took each character of its [1, time] input for a
separate text, and had no context.
"""

import hashlib
import json
import os
import re
import struct
import sys
from pathlib import Path

import torch

GATES = {4: "lstm", 3: "gru", 1: "rnn"}


def main(state_path, vocab_path, out):
    # On the CPU, whatever device it was trained on.
    state = torch.load(state_path, map_location="cpu", weights_only=True)
    characters = characters_of(json.loads(Path(vocab_path).read_text(encoding="utf-8")))
    tensors, sizes = tensors_of(state)
    # The original program sized its network by its map, plus one unused class.
    classes, entries = len(tensors["embedding.weight"]), len(set(characters))
    if classes != entries + 1:
        sys.exit(f"The network has {classes} classes, but the vocabulary {entries} characters: one fewer is expected")
    Path(out).write_bytes(checkpoint(tensors, sizes, characters))


def tensors_of(state):
    """The tensors under this package's names, and the sizes of the network, derived from them."""
    layers = [name for name in state if name.endswith("weight_hh_l0")]
    if len(layers) != 1:
        sys.exit("Expected the state_dict of a network with one LSTM, GRU or RNN")
    rows, hidden = state[layers[0]].shape
    cell = GATES.get(rows // hidden)
    tensors = {}
    for name, tensor in state.items():
        ours = our_name(name, cell)
        if ours is None or ours in tensors:
            sys.exit(f"There is no place for the tensor {name}")
        tensors[ours] = tensor.float().contiguous()
    depth = sum("weight_hh" in name for name in tensors)
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    cells = [f"{cell}.{kind}_l{layer}" for layer in range(depth) for kind in kinds]
    for name in ["embedding.weight", *cells, "fc.weight", "fc.bias"]:
        if name not in tensors:
            sys.exit(f"There is no tensor for {name}")
    embed = tensors["embedding.weight"].shape[1]
    return tensors, {"cell": cell, "embedDim": embed, "hiddenDim": hidden, "layers": depth}


def our_name(name, cell):
    """From names such as `word_embedding_lookup.word_embedding.weight`, `rnn_lstm.weight_ih_l0` and `fc.weight`."""
    module, _, leaf = name.rpartition(".")
    if re.fullmatch(r"(weight|bias)_[ih]h_l\d+", leaf):
        return f"{cell}.{leaf}"
    if module.endswith("embedding") and leaf == "weight":
        return "embedding.weight"
    return f"fc.{leaf}" if module == "fc" else None


def characters_of(vocabulary):
    """The characters in order of their ids, from the program's list or its map of characters to ids."""
    if isinstance(vocabulary, list):
        return vocabulary
    # If a poem contains a space, the list has two entries for it: from that poem, and as its last entry. The map has
    # only the last.
    characters = {i: char for char, i in vocabulary.items()}
    return [characters.get(i, " ") for i in range(max(characters) + 1)]


def checkpoint(tensors, sizes, characters):
    """The bytes of a safetensors file: the length of the header in 8 bytes, the header in JSON, the tensors."""
    data = {name: bytes(tensor.view(torch.uint8).flatten().tolist()) for name, tensor in sorted(tensors.items())}
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    header = {"__metadata__": metadata(sizes, characters, shapes, data)}
    offset = 0
    for name, body in data.items():
        header[name] = {"dtype": "F32", "shape": shapes[name], "data_offsets": [offset, offset + len(body)]}
        offset += len(body)
    text = to_json(header)
    text += b" " * (-len(text) % 8)  # tensors start at a multiple of 8 bytes
    return struct.pack("<Q", len(text)) + text + b"".join(data.values())


def metadata(sizes, characters, shapes, data):
    """The metadata: strings, all but two of them JSON."""
    facts = {
        # The preset `classic`, with which this network was trained.
        "config": {
            "preset": "classic", "data": "poems", "cleaning": "classic", "minCount": 1, "heldOut": 0,
            **sizes, "dropout": 0, "tieWeights": False, "reluLogits": True, "xavierOutput": True,
            "optimizer": {"kind": "rmsprop", "alpha": 0.99, "eps": 1e-8, "weightDecay": 0},
            "lr": 0.01, "schedule": "constant", "clipNorm": 1, "batching": "classic", "batch": 100, "epochs": 30,
            "precision": "tf32", "seed": 1, "threads": os.cpu_count() or 1,
        },
        "vocab": {"kind": "classic", "characters": characters},
        # The training poems are not known here.
        "corpus": {"name": "poems", "fingerprint": "0" * 64, "tally": {"read": 0, "kept": 0, "rejected": {}}},
        "progress": {
            "step": 0, "cursor": {"epoch": 0, "step": 0}, "epochsEnded": 0, "epochLoss": 0, "epochSteps": 0,
            "skipped": 0, "smoothedLoss": None, "best": None, "seconds": 0,
        },
    }
    strings = {"format": "tangshi", "version": "1"}
    strings |= {key: to_json(value).decode() for key, value in facts.items()}
    return {**strings, "checksum": checksum(strings, shapes, data)}


def checksum(strings, shapes, data):
    """SHA-256 over the metadata and the tensors, each in order of their names."""
    digest = hashlib.sha256()
    for key in sorted(strings):
        digest.update(to_json([key, strings[key]]))
    for name in sorted(data):
        digest.update(to_json([name, "F32", shapes[name], len(data[name])]))
        digest.update(data[name])
    return digest.hexdigest()


def to_json(value):
    """Formatted like JavaScript's JSON.stringify: no spaces, and only the necessary escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
