"""Models that make pictures and points: autoencoders, a VAE, a GAN, flows, mixtures, diffusion, Gumbel softmax."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.utils.data
from compat.tutorial_inputs import fill, numbers
from torch import optim
from torch.distributions import Bernoulli, Categorical, Independent, MixtureSameFamily, Normal, kl_divergence


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(16, 12), nn.Linear(12, 3), nn.Linear(12, 3)
        self.fc3, self.fc4 = nn.Linear(3, 12), nn.Linear(12, 16)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 16))
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def vae():
    data = torch.sigmoid(torch.from_numpy(numbers(1, 64, 1, 4, 4)) * 3)
    model = fill(VAE(), 2)
    optimizer, losses = optim.Adam(model.parameters(), lr=2e-2), []
    for _ in range(30):
        recon, mu, logvar = model(data)
        bce = F.binary_cross_entropy(recon, data.view(-1, 16), reduction="sum")
        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        optimizer.zero_grad()
        (bce + kld).backward()
        optimizer.step()
        losses.append((bce + kld).item() / len(data))
    q, p = Normal(mu, (0.5 * logvar).exp()), Normal(torch.zeros(3), torch.ones(3))
    assert torch.allclose(kl_divergence(q, p).sum(), kld, rtol=1e-3)
    with torch.no_grad():
        sample = model.decode(torch.randn(5, 3)).view(5, 1, 4, 4)
        mean = fill(model, 3).decode(torch.ones(1, 3))
    return dict(falls=losses, like_sample=sample, mean=mean, text=str(model))


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
    elif classname.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


def dcgan():
    G = nn.Sequential(
        nn.ConvTranspose2d(6, 8, 4, 1, 0, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(True),
        nn.ConvTranspose2d(8, 1, 4, 2, 1, bias=False),
        nn.Tanh(),
    )
    D = nn.Sequential(
        nn.Conv2d(1, 8, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(8, 8, 4, 1, 0, bias=False),
        nn.BatchNorm2d(8),
        nn.Flatten(),
        nn.Linear(8, 1),
        nn.Sigmoid(),
    )
    G.apply(weights_init)
    D.apply(weights_init)
    like = [G[0].weight, D[3].weight]
    fill(G, 4, 2.0), fill(D, 5, 2.0)
    criterion, (real_label, fake_label) = nn.BCELoss(), (1.0, 0.0)
    optD = optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.999))
    optG = optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.999))
    history = []
    for step in range(4):
        real = torch.tanh(torch.from_numpy(numbers(10 + step, 6, 1, 8, 8)))
        D.zero_grad()
        label = torch.full((6,), real_label, dtype=torch.float)
        errD_real = criterion(D(real).view(-1), label)
        errD_real.backward()
        fake = G(torch.from_numpy(numbers(50 + step, 6, 6, 1, 1)))
        label.fill_(fake_label)
        errD_fake = criterion(D(fake.detach()).view(-1), label)
        errD_fake.backward()
        optD.step()
        G.zero_grad()
        label.fill_(real_label)
        errG = criterion(D(fake).view(-1), label)
        errG.backward()
        optG.step()
        history.append([(errD_real + errD_fake).item(), errG.item()])
    return dict(history=history, fake=fake, like=like, running=D[3].running_var)


def wasserstein():
    critic = fill(nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.1), nn.Linear(16, 1)), 6)
    real, fake = torch.from_numpy(numbers(60, 8, 2)), torch.from_numpy(numbers(61, 8, 2)) + 2
    optimizer, values = optim.RMSprop(critic.parameters(), lr=5e-3), []
    for _ in range(10):
        mix = torch.linspace(0, 1, 8).unsqueeze(1)
        between = (mix * real + (1 - mix) * fake).requires_grad_(True)
        score = critic(between)
        (gradient,) = torch.autograd.grad(
            score, between, grad_outputs=torch.ones_like(score), create_graph=True, retain_graph=True, only_inputs=True
        )
        penalty = ((gradient.norm(2, dim=1) - 1) ** 2).mean()
        loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    return dict(falls=values, values=values)


def autoencoder():
    encoder = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 8, 3, stride=2, padding=1))
    decoder = nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(8, 4, 3, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 1, 2, stride=2),
        nn.Sigmoid(),
    )
    model = fill(nn.Sequential(encoder, decoder), 7)
    x = torch.rand(1) * 0 + torch.sigmoid(torch.from_numpy(numbers(62, 3, 1, 8, 8)))
    optimizer, losses = optim.AdamW(model.parameters(), lr=1e-2), []
    for _ in range(12):
        noisy = x + 0.1 * torch.sign(x - 0.5)
        loss = F.mse_loss(model(noisy), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return dict(falls=losses, losses=losses, code=encoder(x))


class Coupling(nn.Module):
    def __init__(self, flip):
        super().__init__()
        self.net, self.flip = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 2)), flip

    def forward(self, x):
        a, b = x.chunk(2, dim=-1)
        if self.flip:
            a, b = b, a
        s, t = self.net(a).unbind(-1)
        y = torch.stack([a.squeeze(-1), b.squeeze(-1) * torch.exp(s) + t], -1)
        return y, s


def flow():
    steps = fill(nn.ModuleList([Coupling(k % 2 == 0) for k in range(4)]), 8)
    data = torch.from_numpy(numbers(63, 40, 2)) * torch.tensor([0.5, 2.0]) + 1
    base = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    optimizer, losses = optim.Adam(steps.parameters(), lr=1e-2), []
    for _ in range(25):
        z, logdet = data, 0.0
        for step in steps:
            z, s = step(z)
            logdet = logdet + s
        loss = -(base.log_prob(z) + logdet).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return dict(falls=losses, losses=losses, z=z, like=base.sample((7,)))


def mixture_density():
    hidden, pi, mu, sigma = nn.Linear(1, 12), nn.Linear(12, 3), nn.Linear(12, 3), nn.Linear(12, 3)
    model = fill(nn.ModuleList([hidden, pi, mu, sigma]), 9, 2.0)
    y = torch.linspace(-2, 2, 50).unsqueeze(1)
    x = y + 0.6 * torch.sin(3 * y)
    optimizer, losses = optim.Adam(model.parameters(), lr=2e-2), []
    for _ in range(25):
        h = torch.tanh(hidden(x))
        parts = Normal(mu(h), torch.exp(sigma(h)))
        by_hand = torch.logsumexp(F.log_softmax(pi(h), -1) + parts.log_prob(y), -1)
        mixture = MixtureSameFamily(Categorical(logits=pi(h)), parts)
        loss = -mixture.log_prob(y.squeeze(-1)).mean()
        assert torch.allclose(loss, -by_hand.mean(), atol=1e-5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return dict(falls=losses, losses=losses, mean=mixture.mean, variance=mixture.variance, like=mixture.sample((2,)))


def diffusion():
    betas = torch.linspace(1e-4, 0.02, 20)
    alphas_cumprod = torch.cumprod(1.0 - betas, dim=0)
    previous = F.pad(alphas_cumprod[:-1], (1, 0), value=1.0)
    posterior = betas * (1.0 - previous) / (1.0 - alphas_cumprod)

    def embedding(t, dim=8):
        half = dim // 2
        freqs = torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1)))
        args = t[:, None].float() * freqs[None, :]
        return torch.cat((args.sin(), args.cos()), dim=-1)

    net = fill(nn.Sequential(nn.Linear(10, 32), nn.SiLU(), nn.Linear(32, 2)), 10)
    x0, losses = torch.from_numpy(numbers(64, 32, 2)) * 0.3 + 1, []
    optimizer = optim.Adam(net.parameters(), lr=1e-2)
    for k in range(20):
        t = (torch.arange(32) * 7 + k) % 20
        noise = torch.from_numpy(numbers(70 + k, 32, 2))
        xt = alphas_cumprod[t].sqrt()[:, None] * x0 + (1 - alphas_cumprod[t]).sqrt()[:, None] * noise
        loss = F.smooth_l1_loss(net(torch.cat([xt, embedding(t)], 1)), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    x = torch.ones(3, 2)
    with torch.no_grad():
        for i in reversed(range(20)):
            t = torch.full((3,), i, dtype=torch.long)
            eps = net(torch.cat([x, embedding(t)], 1))
            x = (x - betas[i] / (1 - alphas_cumprod[i]).sqrt() * eps) / (1 - betas[i]).sqrt()
    return dict(falls=losses, losses=losses, posterior=posterior, x=x)


def gumbel():
    logits = torch.from_numpy(numbers(65, 4, 5)).requires_grad_()
    soft = F.gumbel_softmax(logits, tau=0.5)
    hard = F.gumbel_softmax(logits, tau=0.5, hard=True, dim=-1)
    assert torch.allclose(soft.sum(-1), torch.ones(4)) and bool(((hard == 0) | (hard == 1)).all())
    (hard * torch.arange(5.0)).sum().backward()
    straight = (logits.softmax(-1) > 0.3).float() + logits.softmax(-1) - logits.softmax(-1).detach()
    quantised = torch.cdist(logits.detach(), torch.eye(5)).argmin(-1)
    flips = Bernoulli(logits=torch.zeros(2000)).sample()
    return dict(
        like=[soft, hard, logits.grad], straight=straight, quantised=quantised, near=bool(0.4 < flips.mean() < 0.6)
    )
