"""PyTorch as a contender of `npm run bench`: see protocol.ts. Needs only torch.

--way seed     one poem at a time, forward and loss, as in the original course program; for each character drawn, runs
               the whole prefix again
--way batched  batches of similar length, padded, as in most programs; carries the state along when sampling
--way tuned    everything PyTorch can do from Python: the loss in chunks that stay in cache, with gradients computed in
               the forward pass, padding left out, one optimizer call for all parameters; sampling by inverse CDF,
               without oneDNN. To be started with an allocator that keeps its pages (peers.ts)
"""
import argparse
import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy, nll_loss
from torch.nn.utils.rnn import pad_sequence

LR, CLIP, BEGIN, PADDING = 0.001, 1, 1, -1
CHUNK = 256  # rows


class Net(nn.Module):
    def __init__(self, vocabSize, embedDim, hiddenDim, layers, cell="lstm"):
        super().__init__()
        self.embedding = nn.Embedding(vocabSize, embedDim)
        self.cell = cell
        recurrent = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[cell]
        self.add_module(cell, recurrent(embedDim, hiddenDim, num_layers=layers))
        self.fc = nn.Linear(hiddenDim, vocabSize)

    def hidden(self, ids, state=None):  # [time, rows] -> [time, rows, hidden]
        return getattr(self, self.cell)(self.embedding(ids), state)


class ChunkedLoss(torch.autograd.Function):
    """Mean NLL without ever holding all logits. Computes gradients in the forward pass: the loss is the root."""

    @staticmethod
    def forward(ctx, hidden, weight, bias, targets):
        n = hidden.size(0)
        d_hidden, d_weight, d_bias = (torch.empty_like(hidden), torch.zeros_like(weight), torch.zeros_like(bias))
        buffer = hidden.new_empty(min(CHUNK, n), weight.size(0))
        total = 0.0
        for begin in range(0, n, CHUNK):
            h, target = hidden[begin : begin + CHUNK], targets[begin : begin + CHUNK, None]
            logits = torch.addmm(bias, h, weight.t(), out=buffer[: h.size(0)])
            log_probs = torch.log_softmax(logits, 1)
            total -= log_probs.gather(1, target).sum().item()
            d_logits = log_probs.exp_()
            d_logits.scatter_add_(1, target, torch.full_like(target, -1, dtype=h.dtype))
            d_logits /= n
            torch.mm(d_logits, weight, out=d_hidden[begin : begin + CHUNK])
            d_weight.addmm_(d_logits.t(), h)
            d_bias += d_logits.sum(0)
        ctx.grads = d_hidden, d_weight, d_bias
        return hidden.new_tensor(total / n)

    @staticmethod
    def backward(ctx, _):
        return (*ctx.grads, None)


def seed_loss(net, poems):
    # The report uses the mean over poems of each poem's mean. Here all characters have equal weight, as for the others.
    total = 0
    for poem in poems:
        hidden, _ = net.hidden(poem[:-1, None])
        total = total + nll_loss(torch.log_softmax(net.fc(hidden[:, 0]), 1), poem[1:], reduction="sum")
    return total / targets_of(poems)


def batched_loss(net, poems):
    inputs, targets = padded(poems)
    hidden, _ = net.hidden(inputs)
    return cross_entropy(net.fc(hidden).flatten(0, 1), targets, ignore_index=PADDING)


def tuned_loss(net, poems):
    inputs, targets = padded(poems)
    hidden, _ = net.hidden(inputs)
    hidden, real = hidden.flatten(0, 1), targets != PADDING
    if not real.all():
        hidden, targets = hidden[real], targets[real]
    return ChunkedLoss.apply(hidden, net.fc.weight, net.fc.bias, targets)


def padded(poems):  # -> inputs [time, rows], targets [time x rows]
    ids = pad_sequence(poems, padding_value=PADDING)
    return ids[:-1].clamp(min=0), ids[1:].flatten()


def targets_of(poems):
    return sum(len(poem) - 1 for poem in poems)


def sample_by_prefix(net, rows, length, temperature):
    ids = torch.full((1, rows), BEGIN)
    for _ in range(length):
        hidden, _ = net.hidden(ids)
        logits = net.fc(hidden)  # computes all characters, though only the last is needed
        ids = torch.cat([ids, draw_multinomial(logits[-1], temperature)])
    return ids[1:]


def sample_by_state(net, rows, length, temperature, draw):
    ids, state, drawn = torch.full((1, rows), BEGIN), None, []
    for _ in range(length):
        hidden, state = net.hidden(ids, state)
        ids = draw(net.fc(hidden[0]), temperature)
        drawn.append(ids)
    return torch.cat(drawn)


def sample_usual(net, rows, length, temperature):
    return sample_by_state(net, rows, length, temperature, draw_multinomial)


def sample_tuned(net, rows, length, temperature):
    # oneDNN would repack the weights of the LSTM for each character.
    with torch.backends.mkldnn.flags(enabled=False):
        return sample_by_state(net, rows, length, temperature, draw_by_sum)


def draw_multinomial(logits, temperature):  # [rows, vocab] -> [1, rows]
    if temperature == 0:
        return logits.argmax(1, keepdim=True).t()
    return torch.multinomial(torch.softmax(logits / temperature, 1), 1).t()


def draw_by_sum(logits, temperature):
    """One random number per row, where multinomial takes one for each character of the vocabulary."""
    if temperature == 0:
        return draw_multinomial(logits, 0)
    sums = torch.softmax(logits / temperature, 1).cumsum(1)
    marks = torch.rand(len(logits), 1) * sums[:, -1:]
    return torch.searchsorted(sums, marks).t()


class Contender:
    def __init__(self, way):
        self.loss = {"seed": seed_loss, "batched": batched_loss, "tuned": tuned_loss}[way]
        self.sampler = {"seed": sample_by_prefix, "batched": sample_usual, "tuned": sample_tuned}[way]
        self.together = True if way == "tuned" else None  # PyTorch's foreach implementation
        self.step = 0

    def open(self, sizes, threads, data, weights):
        torch.set_num_threads(threads)
        self.net = Net(**sizes)
        self.net.load_state_dict(read_weights(weights))
        self.optimizer = torch.optim.RMSprop(self.net.parameters(), lr=LR, foreach=self.together)
        with open(data) as file:
            batches = json.load(file)["batches"]
        self.batches = [[torch.tensor(poem) for poem in batch] for batch in batches]
        return {"tokens": 0}

    def train(self, steps):
        losses, tokens = [], 0
        for _ in range(steps):
            poems = self.batches[self.step % len(self.batches)]
            self.step += 1
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(self.net, poems)
            loss.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), CLIP, foreach=self.together)
            self.optimizer.step()
            losses.append(loss.item())
            tokens += targets_of(poems)
        return {"tokens": tokens, "losses": losses}

    @torch.inference_mode()
    def sample(self, poems, together, length, temperature):
        tokens, first = 0, None
        for _ in range(0, poems, together):
            ids = self.sampler(self.net, together, length, temperature)
            tokens += ids.numel()
            first = ids[:, 0].tolist() if first is None else first
        return {"tokens": tokens, "ids": first}


def read_weights(path):
    with open(path, "rb") as file:
        raw = bytearray(file.read())
    with open(f"{path}.json") as file:
        index = json.load(file)
    values = torch.frombuffer(raw, dtype=torch.float32)
    return {
        name: values[at["offset"] :][: torch.Size(at["shape"]).numel()].view(at["shape"])
        for name, at in index.items()
    }


def peak_bytes():
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


def serve(contender):
    for line in sys.stdin:
        request = json.loads(line)
        task = getattr(contender, request.pop("task"))
        start = time.perf_counter()
        done = task(**request)
        done["seconds"] = time.perf_counter() - start
        done["peakBytes"] = peak_bytes()
        print(json.dumps(done), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", choices=["seed", "batched", "tuned"], required=True)
    serve(Contender(parser.parse_args().way))
