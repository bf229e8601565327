"""Reference results of PyTorch for a small network, for native/test/golden_test.cc.

For each cell: the initial weights, the logits, both losses (the original program's mean of per-poem means; the mean
over real targets), every gradient, and the weights after 1 and 20 steps of RMSprop, Adam and AdamW with clipping.
Writes test/golden/cells.pt. Needs torch (made with 2.13.0). Run: python3 test/golden/cells.py
"""
import copy
from pathlib import Path

import torch
from torch import nn

VOCAB, EMBED, HIDDEN, LAYERS = 29, 6, 8, 2
ROWS, TIME = 22, 16
MANY_ROWS = 96  # more than 512 real targets, the chunk size of the output loss
CLIP = 0.05  # small enough that gradients are clipped
RECIPES = {
    # Not the original program's 0.01: with it, 20 steps of PyTorch in float32 and float64 already differ by up to 8e-5.
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.001),
    "adam": lambda p: torch.optim.Adam(p, lr=0.003),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.003, weight_decay=0.01),
}


class Net(nn.Module):
    def __init__(self, cell, relu):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, EMBED)
        rnn = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[cell]
        setattr(self, cell, rnn(EMBED, HIDDEN, num_layers=LAYERS))
        self.fc = nn.Linear(HIDDEN, VOCAB)
        self.cell, self.relu = cell, relu

    def forward(self, ids):  # [rows, time] -> [rows, time, vocab]
        x = self.embedding(ids).transpose(0, 1)
        out, _ = getattr(self, self.cell)(x)
        logits = self.fc(out.transpose(0, 1))
        return torch.relu(logits) if self.relu else logits


def poem_mean_loss(net, inputs, targets, lengths):
    """The original program's loss: one poem at a time, NLLLoss over log-softmax, averaged over the poems."""
    nll = nn.NLLLoss()
    loss = 0
    for row, length in enumerate(lengths):
        logits = net(inputs[row : row + 1, :length])[0]
        loss = loss + nll(torch.log_softmax(logits, 1), targets[row, :length])
    return loss / len(lengths)


def token_mean_loss(net, inputs, targets):
    return nn.functional.cross_entropy(net(inputs).flatten(0, 1), targets.flatten(), ignore_index=-1)


def train(net, recipe, steps, loss_of):
    net = copy.deepcopy(net)
    optimizer = RECIPES[recipe](net.parameters())
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(net).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        optimizer.step()
    return net


def golden(name, cell, relu, rows, out):
    torch.manual_seed(7)
    net = Net(cell, relu)
    lengths = torch.randint(3, TIME + 1, (rows,)).tolist()
    lengths[0] = TIME
    inputs = torch.randint(0, VOCAB, (rows, TIME))
    targets = torch.randint(0, VOCAB, (rows, TIME))
    for row, length in enumerate(lengths):
        inputs[row, length:] = 0
        targets[row, length:] = -1

    def put(key, value):
        out[f"{name}/{key}"] = value.detach().clone().contiguous()

    put("inputs", inputs.int())
    put("targets", targets.int())
    put("weights", 1 / (rows * torch.tensor(lengths, dtype=torch.float32)))
    for key, value in net.state_dict().items():
        put(f"init/{key}", value)
    put("logits", net(inputs))
    put("loss/poems", poem_mean_loss(net, inputs, targets, lengths))
    loss = token_mean_loss(net, inputs, targets)
    put("loss/tokens", loss)
    loss.backward()
    for key, parameter in net.named_parameters():
        put(f"grad/{key}", parameter.grad)
    net.zero_grad()

    for recipe in RECIPES:
        for steps in (1, 20):
            # The original program's loss for its own optimizer, the token mean for the others.
            by_poem = recipe == "rmsprop"
            loss_of = (
                (lambda n: poem_mean_loss(n, inputs, targets, lengths))
                if by_poem
                else (lambda n: token_mean_loss(n, inputs, targets))
            )
            for key, value in train(net, recipe, steps, loss_of).state_dict().items():
                put(f"{recipe}/{steps}/{key}", value)


if __name__ == "__main__":
    torch.set_num_threads(1)
    tensors = {}
    for name, cell, relu, rows in [
        ("lstm", "lstm", False, ROWS),
        ("gru", "gru", False, ROWS),
        ("rnn", "rnn", False, ROWS),
        ("relu", "lstm", True, ROWS),
        ("many rows", "lstm", False, MANY_ROWS),
    ]:
        golden(name, cell, relu, rows, tensors)
    # One flat tensor and an index: one record per tensor would be mostly padding.
    names, flat, index = sorted(tensors), [], {}
    offset = 0
    for key in names:
        value = tensors[key].to(torch.float32)
        index[key] = [offset, *value.shape]
        flat.append(value.flatten())
        offset += value.numel()
    index["values"] = torch.cat(flat)
    path = Path(__file__).with_name("cells.pt")
    torch.save(index, path)
    print(path, f"{path.stat().st_size / 1024:.0f} KiB, {len(names)} tensors")
