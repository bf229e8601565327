"""PyTorch on a GPU as a contender of `npm run bench -- --device cuda`: see protocol.ts. Needs a CUDA build of torch.

--way eager    operation by operation, under autocast for 16-bit precisions
--way graph    the whole step captured as a CUDA graph, one per batch shape

Both have advantages over this library: batches are on the GPU from the start, and losses are read at the end of a
round.
"""
import argparse
import json

import torch
from torch import nn

from pytorch import CLIP, LR, PADDING, Net, padded, read_weights, serve, targets_of

TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Batch:
    def __init__(self, poems, device):
        inputs, targets = padded(poems)
        self.inputs, self.targets = inputs.to(device), targets.to(device)
        self.tokens = targets_of(poems)


def loss_of(net, inputs, targets):
    hidden, _ = net.hidden(inputs)
    return nn.functional.cross_entropy(net.fc(hidden).flatten(0, 1).float(), targets, ignore_index=PADDING)


class Eager:
    def __init__(self, net, device, precision):
        self.net, self.device, self.type = net, torch.device(device), TYPES.get(precision)
        self.optimizer = torch.optim.RMSprop(net.parameters(), lr=LR, foreach=True)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")

    def step(self, batch):
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, dtype=self.type, enabled=self.type is not None):
            loss = loss_of(self.net, batch.inputs, batch.targets)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.net.parameters(), CLIP, foreach=True)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()


class Graph:
    """As in PyTorch's notes on CUDA graphs: some steps on a side stream, then the capture."""

    WARM_UP = 3

    def __init__(self, net, device, precision):
        assert precision in ("fp32", "tf32"), "16 bits are compared without graphs"
        self.net = net
        self.optimizer = torch.optim.RMSprop(net.parameters(), lr=LR, foreach=True, capturable=True)
        self.captured, self.pool, self.stream = {}, torch.cuda.graph_pool_handle(), torch.cuda.Stream()

    def step(self, batch):
        shape = tuple(batch.inputs.shape)
        if shape not in self.captured:
            self.captured[shape] = self.capture(batch)
        graph, inputs, targets, loss = self.captured[shape]
        inputs.copy_(batch.inputs)
        targets.copy_(batch.targets)
        graph.replay()
        return loss.clone()

    def work(self, inputs, targets):
        self.optimizer.zero_grad(set_to_none=False)
        loss = loss_of(self.net, inputs, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), CLIP, foreach=True)
        self.optimizer.step()
        return loss.detach()

    def capture(self, batch):
        inputs, targets = batch.inputs.clone(), batch.targets.clone()
        kept = [tensor.clone() for tensor in self.state()]
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            for _ in range(self.WARM_UP):
                self.work(inputs, targets)
        torch.cuda.current_stream().wait_stream(self.stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
            loss = self.work(inputs, targets)
        self.restore(kept)
        return graph, inputs, targets, loss

    def state(self):
        averages = [value for state in self.optimizer.state.values() for value in state.values()]
        return [parameter.data for parameter in self.net.parameters()] + averages

    def restore(self, kept):
        """Undoes the warm-up steps. Those before the first capture also created the optimizer's state."""
        state = self.state()
        for tensor, value in zip(state, kept + [torch.zeros_like(new) for new in state[len(kept) :]]):
            tensor.copy_(value)


class Contender:
    def __init__(self, way):
        self.way = {"eager": Eager, "graph": Graph}[way]
        self.next = 0

    def open(self, sizes, threads, place, data, weights):
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision("highest" if place["precision"] == "fp32" else "high")
        torch.backends.cudnn.allow_tf32 = place["precision"] != "fp32"
        self.device = place["device"]
        net = Net(**sizes)
        net.load_state_dict(read_weights(weights))
        self.steps = self.way(net.to(self.device), self.device, place["precision"])
        with open(data) as file:
            batches = json.load(file)["batches"]
        self.batches = [Batch([torch.tensor(poem) for poem in poems], self.device) for poems in batches]
        return {"tokens": 0}

    def train(self, steps):
        losses, tokens = [], 0
        for _ in range(steps):
            batch = self.batches[self.next % len(self.batches)]
            self.next += 1
            losses.append(self.steps.step(batch))
            tokens += batch.tokens
        return {"tokens": tokens, "losses": torch.stack(losses).tolist()}  # waits for the device


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", choices=["eager", "graph"], required=True)
    serve(Contender(parser.parse_args().way))
