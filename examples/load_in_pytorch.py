"""Builds the network of a checkpoint in PyTorch and prints its predictions for a text, as JSON. Needs only torch.

    python examples/load_in_pytorch.py CHECKPOINT [TEXT]

CHECKPOINT is any .safetensors file of this package: from a training run, or an exported one with weights of 16 or 8 bits.
Prints the logits of each position of TEXT, [positions, vocabulary], and the mean NLL of the characters and the end,
in nats, like `evaluate`. (From hidden 512 on, `evaluate` rounds the weights to half precision.)
"""

import json
import math
import struct
import sys
from pathlib import Path

import torch
from torch import nn

DTYPES = {"F32": torch.float32, "F16": torch.float16, "I64": torch.int64, "I8": torch.int8, "U8": torch.uint8}


def main(path, text=""):
    metadata, tensors = read_safetensors(path)
    config, vocab = json.loads(metadata["config"]), json.loads(metadata["vocab"])
    network = Network(config, classes=len(tensors["embedding.weight"]))
    network.load_state_dict(weights_of(tensors, config))
    network.eval()

    ids = encode(vocab, text)
    inputs, targets = torch.tensor(ids[:-1]), torch.tensor(ids[1:])
    with torch.no_grad():
        logits = network(inputs.unsqueeze(0)).squeeze(0)
        nll = nn.functional.cross_entropy(logits, targets)
    print(json.dumps({"ids": ids, "logits": logits.tolist(), "nll": nll.item(), "tokens": len(targets)}))


class Network(nn.Module):
    """Embedding [V, E] -> cells [H] -> Linear [V, H]. Its parameters have the names of the checkpoint's tensors."""

    def __init__(self, config, classes):
        super().__init__()
        embed, hidden, layers = config["embedDim"], config["hiddenDim"], config["layers"]
        self.cell, self.relu_logits = config["cell"], config["reluLogits"]
        cells = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[self.cell]
        self.embedding = nn.Embedding(classes, embed)
        self.add_module(self.cell, cells(embed, hidden, num_layers=layers, batch_first=True))
        self.fc = nn.Linear(hidden, classes)
        if config["tieWeights"]:
            self.fc.weight = self.embedding.weight

    def forward(self, ids):
        """[batch, time] -> logits [batch, time, V]; the initial state is zero."""
        hidden, _ = self.get_submodule(self.cell)(self.embedding(ids))
        logits = self.fc(hidden)
        return logits.relu() if self.relu_logits else logits


def read_safetensors(path):
    """The length of the header in 8 bytes, little-endian; the header in JSON; then the tensors, without gaps."""
    file = bytearray(Path(path).read_bytes())
    (length,) = struct.unpack_from("<Q", file)
    header = json.loads(file[8 : 8 + length])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        shape, offset = entry["shape"], 8 + length + entry["data_offsets"][0]
        flat = torch.frombuffer(file, dtype=DTYPES[entry["dtype"]], count=math.prod(shape), offset=offset)
        tensors[name] = flat.view(shape)
    return metadata, tensors


def weights_of(tensors, config):
    """The network's state_dict, without the rest of a checkpoint: optimizer, generator, the line filter of the corpus."""
    others = ("optim.", "rng.", "corpus.")
    weights = {name: tensor.float() for name, tensor in tensors.items() if not name.startswith(others)}
    for name in [name for name in weights if name.endswith(".scale")]:  # of each row of an 8-bit matrix
        weights[name.removesuffix(".scale")] *= weights.pop(name).unsqueeze(1)
    if config["tieWeights"]:
        weights["fc.weight"] = weights["embedding.weight"]  # stored once in the file
    return weights


def encode(vocab, text):
    """[begin, one id per character, end]."""
    if vocab["kind"] == "classic":  # begin and end are the letters G and E; an unknown character raises KeyError
        ids = {char: i for i, char in enumerate(vocab["characters"])}
        return [ids["G"], *(ids[char] for char in text), ids["E"]]
    unknown, begin, end = 0, 1, 2
    ids = {char: i for i, char in enumerate(vocab["characters"], start=3)}
    return [begin, *(ids.get(char, unknown) for char in text), end]


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
