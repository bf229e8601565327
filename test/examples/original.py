"""The network of the original course program, with its parameter names, trained briefly, for comparison.

    python3 original.py CELL POEMS STATE_DICT VOCAB TEXT

CELL is LSTM, GRU or RNN; POEMS is a file with one untitled poem per line. Writes the state_dict and the vocabulary, and
prints as JSON the results for TEXT: `nll`, the mean NLL of its characters and the end token, and `greedy`, its greedy
continuation.
"""

import collections
import json
import sys
from pathlib import Path

import torch
from torch import nn

EMBED, HIDDEN, MOST = 12, 16, 30


class word_embedding(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.word_embedding = nn.Embedding(classes, EMBED)

    def forward(self, ids):
        return self.word_embedding(ids)


class RNN_model(nn.Module):
    def __init__(self, classes, cell):
        super().__init__()
        self.word_embedding_lookup = word_embedding(classes)
        self.rnn_lstm = getattr(nn, cell)(EMBED, HIDDEN, num_layers=2, batch_first=True)
        self.fc = nn.Linear(HIDDEN, classes)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, ids):
        """[time] -> log-probabilities [time, classes]"""
        out, _ = self.rnn_lstm(self.word_embedding_lookup(ids).view(1, -1, EMBED))
        return self.softmax(torch.relu(self.fc(out.view(-1, HIDDEN))))


def main(cell, poems_path, state_path, vocab_path, text):
    torch.set_num_threads(1)  # parallelism does not pay off for tensors this small
    torch.manual_seed(5)
    poems = [f"G{line}E" for line in Path(poems_path).read_text(encoding="utf-8").splitlines()]
    counts = sorted(collections.Counter("".join(poems)).items(), key=lambda pair: -pair[1])
    words = [char for char, _ in counts] + [" "]
    word_int_map = {char: i for i, char in enumerate(words)}
    model = RNN_model(len(word_int_map) + 1, cell)
    vectors = [torch.tensor([word_int_map[char] for char in poem]) for poem in poems]
    train(model, vectors)
    torch.save(model.state_dict(), state_path)
    # The original program has one or the other.
    vocabulary = words if cell == "GRU" else word_int_map
    Path(vocab_path).write_text(json.dumps(vocabulary), encoding="utf-8")

    with torch.no_grad():
        ids = torch.tensor([word_int_map[char] for char in f"G{text}E"])
        nll = nn.functional.nll_loss(model(ids[:-1]), ids[1:]).item()
        print(json.dumps({"nll": nll, "greedy": greedy(model, words, word_int_map, text)}))


def train(model, vectors):
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01)
    for _ in range(10):
        for ids in vectors:
            optimizer.zero_grad()
            nn.functional.nll_loss(model(ids[:-1]), ids[1:]).backward()
            optimizer.step()


def greedy(model, words, word_int_map, text):
    poem = text
    while not poem.endswith("E") and len(poem) <= MOST:
        ids = torch.tensor([word_int_map[char] for char in poem])
        poem += words[min(int(model(ids)[-1].argmax()), len(words) - 1)]
    return poem.removeprefix(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
