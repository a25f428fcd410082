"""Small complete programs, as a repository of examples has them: a sine wave, super resolution, forward-forward,
pictures in a style, random polynomials, word vectors from bags of letter pairs."""

import argparse
import math
import time
from collections import Counter, OrderedDict

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from compat.tutorial_inputs import fill, numbers
from torch.nn import init


class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm1, self.lstm2, self.linear = nn.LSTMCell(1, 8), nn.LSTMCell(8, 8), nn.Linear(8, 1)

    def forward(self, input, future=0):
        outputs = []
        h_t, c_t, h_t2, c_t2 = (torch.zeros(input.size(0), 8, dtype=torch.double) for _ in range(4))
        for input_t in input.split(1, dim=1):
            h_t, c_t = self.lstm1(input_t, (h_t, c_t))
            h_t2, c_t2 = self.lstm2(h_t, (h_t2, c_t2))
            output = self.linear(h_t2)
            outputs += [output]
        for _ in range(future):
            h_t, c_t = self.lstm1(output, (h_t, c_t))
            h_t2, c_t2 = self.lstm2(h_t, (h_t2, c_t2))
            output = self.linear(h_t2)
            outputs += [output]
        return torch.cat(outputs, dim=1)


def sine_wave():
    t = torch.arange(20, dtype=torch.float64) + torch.tensor([[0.0], [3.0], [5.0]])
    data = torch.sin(t / 4)
    seq = fill(Sequence().double(), 1, 1.0)
    criterion, optimizer, losses = nn.MSELoss(), optim.LBFGS(seq.parameters(), lr=0.5, max_iter=6), []
    for _ in range(3):

        def closure():
            optimizer.zero_grad()
            loss = criterion(seq(data[1:, :-1]), data[1:, 1:])
            loss.backward()
            losses.append(loss.item())
            return loss

        optimizer.step(closure)
    with torch.no_grad():
        pred = seq(data[:1, :-1], future=4)
    return dict(falls=losses, first=losses[:5], shape=list(pred.shape), kind=str(pred.dtype).replace("torch.", ""))


class SuperResolution(nn.Module):
    def __init__(self, upscale_factor, inplace=False):
        super().__init__()
        self.relu = nn.ReLU(inplace=inplace)
        self.conv1 = nn.Conv2d(1, 8, (5, 5), (1, 1), (2, 2))
        self.conv2 = nn.Conv2d(8, upscale_factor**2, (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)
        init.orthogonal_(self.conv1.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv2.weight)

    def forward(self, x):
        return self.pixel_shuffle(self.conv2(self.relu(self.conv1(x))))


def super_resolution():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--no-cuda", action="store_true", default=False)
    opt = parser.parse_args([])
    torch.manual_seed(1)
    device = torch.device("cuda" if not opt.no_cuda and torch.cuda.is_available() else "cpu")
    model = SuperResolution(2).to(device)
    w = model.conv2.weight.detach().flatten(1)
    orthogonal = torch.allclose(w @ w.T, torch.eye(4), atol=1e-4)
    fill(model, 2, 1.0)
    target = torch.from_numpy(numbers(3, 2, 1, 8, 8)).to(device)
    small = F.interpolate(target, scale_factor=0.5, mode="bilinear", align_corners=False)
    optimizer, values = optim.Adam(model.parameters(), lr=opt.lr), []
    began = time.time()
    for _ in range(10):
        optimizer.zero_grad()
        loss = F.mse_loss(model(small), target)
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    psnr = 10 * math.log10(1 / loss.item())
    assert time.time() - began < 60
    return dict(falls=values, values=values, psnr=psnr, orthogonal=orthogonal)


class ForwardLayer(nn.Linear):
    def __init__(self, a, b):
        super().__init__(a, b)
        self.relu, self.threshold = nn.ReLU(), 2.0

    def forward(self, x):
        direction = x / (x.norm(2, 1, keepdim=True) + 1e-4)
        return self.relu(torch.mm(direction, self.weight.T) + self.bias.unsqueeze(0))

    def train_step(self, opt, pos, neg):
        good, bad = self.forward(pos).pow(2).mean(1), self.forward(neg).pow(2).mean(1)
        loss = torch.log(1 + torch.exp(torch.cat([-good + self.threshold, bad - self.threshold]))).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        return self.forward(pos).detach(), self.forward(neg).detach(), loss.item()


def forward_forward():
    layers = [fill(ForwardLayer(6, 10), 4, 2.0), fill(ForwardLayer(10, 10), 5, 2.0)]
    pos, neg = torch.from_numpy(numbers(6, 16, 6)) + 1, torch.from_numpy(numbers(7, 16, 6)) - 1
    losses = []
    for layer in layers:
        opt = optim.Adam(layer.parameters(), lr=0.03)
        for _ in range(10):
            h_pos, h_neg, loss = layer.train_step(opt, pos, neg)
            losses.append(loss)
        pos, neg = h_pos, h_neg
    return dict(losses=losses, pos=pos, goodness=[(h.pow(2).mean()).item() for h in (pos, neg)])


class TransformerNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.pad, self.conv1, self.in1 = nn.ReflectionPad2d(2), nn.Conv2d(3, 4, 5), nn.InstanceNorm2d(4, affine=True)
        self.conv2, self.in2 = nn.Conv2d(4, 8, 3, stride=2, padding=1), nn.InstanceNorm2d(8, affine=True)
        self.up = nn.Sequential(
            OrderedDict([("scale", nn.Upsample(scale_factor=2)), ("conv", nn.Conv2d(8, 3, 3, padding=1))])
        )

    def forward(self, X):
        y = F.relu(self.in1(self.conv1(self.pad(X))))
        return self.up(F.relu(self.in2(self.conv2(y))))


def pictures_in_a_style():
    net = fill(TransformerNet(), 8, 1.5)
    x = torch.from_numpy(numbers(9, 2, 3, 8, 8))
    out = net(x)
    variation = (out[:, :, 1:] - out[:, :, :-1]).abs().sum() + (out[..., 1:] - out[..., :-1]).abs().sum()
    content = F.mse_loss(out, x)
    (content + 1e-3 * variation).backward()
    picture = out.detach().clone().clamp(0, 1).mul(255).byte()[0].permute(1, 2, 0).numpy()
    return dict(
        out=out, grad=net.conv1.weight.grad, scale=net.in1.weight.grad, picture=picture.shape, dtype=str(picture.dtype)
    )


def polynomial():
    degree = 4
    W_target, b_target = torch.from_numpy(numbers(10, degree, 1)), torch.from_numpy(numbers(11, 1))

    def make_features(x):
        x = x.unsqueeze(1)
        return torch.cat([x**i for i in range(1, degree + 1)], 1)

    def poly_desc(W, b):
        result = "y = "
        for i, w in enumerate(W):
            result += f"{w:+.2f} x^{i + 1} "
        return result + f"{b[0]:+.2f}"

    fc, losses = fill(nn.Linear(W_target.size(0), 1), 12), []
    for batch in range(60):
        x = make_features(torch.from_numpy(numbers(100 + batch, 16)).clamp(-1.5, 1.5))
        y = x.mm(W_target) + b_target[0].item()
        fc.zero_grad()
        output = F.smooth_l1_loss(fc(x), y)
        loss = output.item()
        output.backward()
        for param in fc.parameters():
            param.data.add_(-0.05 * param.grad)
        losses.append(loss)
        if loss < 1e-3:
            break
    return dict(
        falls=losses, learned=poly_desc(fc.weight.view(-1), fc.bias), wanted=poly_desc(W_target.view(-1), b_target)
    )


def subwords():
    text = "the quick brown fox jumps over the lazy dog the fox".split()
    counts = Counter(text)
    vocabulary = {w: i for i, (w, _) in enumerate(counts.most_common())}
    grams = sorted({w[i : i + 2] for w in vocabulary for i in range(len(w) - 1)})
    at = {g: i for i, g in enumerate(grams)}
    bags = [[at[w[i : i + 2]] for i in range(len(w) - 1)] for w in vocabulary]
    flat = torch.tensor([i for bag in bags for i in bag])
    offsets = torch.tensor([0, *[len(bag) for bag in bags[:-1]]]).cumsum(0)
    inner = fill(nn.EmbeddingBag(len(grams), 5, mode="mean", padding_idx=None), 13, 2.0)
    outer = fill(nn.Embedding(len(vocabulary), 5, max_norm=1.0), 14, 2.0)
    power = torch.tensor([c**0.75 for c in counts.values()])
    pairs = [(vocabulary[a], vocabulary[b]) for a, b in zip(text[:-1], text[1:])]
    optimizer, losses = optim.ASGD([*inner.parameters(), *outer.parameters()], lr=0.3), []
    for _ in range(12):
        words = inner(flat, offsets)
        centre, context = (torch.tensor(column) for column in zip(*pairs))
        negative = (centre[:, None] + torch.arange(1, 4)) % len(vocabulary)
        good = F.logsigmoid((words[centre] * outer(context)).sum(-1))
        bad = F.logsigmoid(-torch.bmm(outer(negative), words[centre].unsqueeze(-1)).squeeze(-1)).sum(-1)
        loss = -(good + bad).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert torch.multinomial(power, 3, replacement=False).unique().numel() == 3
    return dict(falls=losses, losses=losses, words=words, norms=outer.weight.norm(dim=1) <= 1.5)
