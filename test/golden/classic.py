"""The original program's training in PyTorch, poem by poem, for test/train/classic.test.ts and for any other corpus.

Without arguments: trains on seed-poems.txt, in float64, with weights from a formula, and writes
test/golden/classic.json. With --data FILE: trains on that file from random weights and writes --init and --losses, so
that the losses of
  npm run train -- --preset classic --data FILE --init init.safetensors --json
can be compared with them. Needs torch and safetensors (made with torch 2.13.0).
"""
import argparse
import collections
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from seed import process_poems1, process_poems2, vocabulary

HERE = Path(__file__).parent
EMBED, HIDDEN = 100, 128


class RnnModel(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.embedding = nn.Embedding(classes, EMBED)
        nn.init.uniform_(self.embedding.weight, -1, 1)
        self.lstm = nn.LSTM(EMBED, HIDDEN, num_layers=2)
        self.fc = nn.Linear(HIDDEN, classes)
        nn.init.xavier_uniform_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)

    def forward(self, ids):  # [time] -> log-probabilities [time, classes]
        x = self.embedding(ids).unsqueeze(1)
        zero = x.new_zeros(2, 1, HIDDEN)
        out, _ = self.lstm(x, (zero, zero))
        return torch.log_softmax(torch.relu(self.fc(out.squeeze(1))), 1)


def formula_weights(shape, place):
    """Numbers in [-0.2, 0.2) that are easy to reproduce in any language: murmur3's finalizer over position and index."""
    x = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(place << 24)
    mask = np.uint64(0xFFFFFFFF)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        x = ((x ^ (x >> np.uint64(shift))) * np.uint64(factor)) & mask
    return torch.from_numpy((x.astype(np.float64) / 2**32 - 0.5) * 0.4).float().view(shape)


def batches(vectors, size):
    for start in range(0, len(vectors) // size * size, size):
        yield [torch.tensor(poem) for poem in vectors[start : start + size]]


def train(model, vectors, batch_size, epochs, lr):
    optimizer = torch.optim.RMSprop(model.parameters(), lr=lr)
    nll = nn.NLLLoss()
    losses = []
    for epoch in range(epochs):
        for batch in batches(vectors, batch_size):
            loss = 0
            for poem in batch:
                loss = loss + nll(model(poem), torch.cat([poem[1:], poem[-1:]]))
            loss = loss / len(batch)
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
        print(f"lr {lr}, epoch {epoch + 1}: {losses[-1]:.4f}", flush=True)
    return losses


def golden():
    """At the original program's learning rate, rounding errors grow tenfold every other step: PyTorch in float32 and
    float64 diverge after a few steps. At a tenth of that rate they agree.
    """
    vectors, classes = encode(process_poems1, HERE / "seed-poems.txt")
    batch, epochs = 4, 5
    runs = []
    for lr in (0.01, 0.001):
        model = RnnModel(classes)
        with torch.no_grad():
            for place, (_, parameter) in enumerate(sorted(model.named_parameters())):
                parameter.copy_(formula_weights(parameter.shape, place))
        runs.append({"lr": lr, "losses": train(model.double(), vectors, batch, epochs, lr)})
    (HERE / "classic.json").write_text(json.dumps({"batch": batch, "epochs": epochs, "runs": runs}) + "\n")


def encode(read, path):
    _, _, word_int_map, vectors = vocabulary(read(path, collections.Counter()))
    return vectors, len(word_int_map) + 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    parser.add_argument("--format", choices=["titled", "lines"], default="titled")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--init", default="init.safetensors")
    parser.add_argument("--losses", default="losses.json")
    args = parser.parse_args()
    if args.data is None:
        return golden()
    vectors, classes = encode(process_poems1 if args.format == "titled" else process_poems2, args.data)
    torch.manual_seed(0)
    model = RnnModel(classes)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, args.init)
    losses = train(model, vectors, args.batch, args.epochs, args.lr)
    Path(args.losses).write_text(json.dumps(losses) + "\n")


if __name__ == "__main__":
    main()
