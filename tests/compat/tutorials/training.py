"""Around the loop: data, schedules, averaging, clipping, mixed precision, hooks, pruning, checkpoints."""

import copy
import math
import random
import warnings

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.utils.parametrizations
import torch.nn.utils.parametrize as parametrize
from compat.tutorial_inputs import fill, numbers
from torch.nn.utils import prune
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Sampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    random_split,
)


class Landmarks(Dataset):
    """A dataset of dictionaries, as tutorials have it of faces."""

    def __init__(self, transform=None):
        self.frames, self.transform = numbers(1, 10, 8).reshape(10, 4, 2), transform

    def __len__(self):
        return len(self.frames)

    def __getitem__(self, idx):
        if torch.is_tensor(idx):
            idx = idx.tolist()
        sample = {"image": np.full((6, 6, 3), idx, dtype=np.uint8), "landmarks": self.frames[idx], "name": f"face{idx}"}
        return self.transform(sample) if self.transform else sample


class ToTensor:
    def __call__(self, sample):
        image = sample["image"].transpose((2, 0, 1))
        return {
            "image": torch.from_numpy(image),
            "landmarks": torch.from_numpy(sample["landmarks"]),
            "name": sample["name"],
        }


def dictionaries():
    loader = DataLoader(Landmarks(ToTensor()), batch_size=4, shuffle=False, num_workers=0, drop_last=False)
    found = []
    for i, batch in enumerate(loader):
        found.append([i, list(batch["image"].size()), batch["landmarks"], batch["name"]])
    other = default_collate([(1, 2.5, "a", np.float64(3)), (2, 3.5, "b", np.float64(4))])
    return dict(found=found, length=len(loader), other=other, types=[str(batch["image"].dtype).split(".")[-1]])


class ByLength(Sampler):
    def __init__(self, lengths, size):
        self.order, self.size = sorted(range(len(lengths)), key=lengths.__getitem__), size

    def __iter__(self):
        for at in range(0, len(self.order), self.size):
            yield self.order[at : at + self.size]

    def __len__(self):
        return math.ceil(len(self.order) / self.size)


class Stream(IterableDataset):
    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        assert info is None
        return iter(range(7))


def pad_collate(batch):
    xs, ys = zip(*batch)
    return nn.utils.rnn.pad_sequence(xs, batch_first=True), torch.tensor([len(x) for x in xs]), torch.stack(ys)


def loaders():
    sequences = [(torch.arange(n), torch.tensor(n)) for n in (3, 1, 4, 1, 5)]
    bucketed = [
        list(b) for b in DataLoader(sequences, batch_sampler=ByLength([3, 1, 4, 1, 5], 2), collate_fn=pad_collate)
    ]
    data = TensorDataset(torch.arange(20).float().view(10, 2), torch.arange(10) % 2)
    train, val, test = random_split(data, [0.6, 0.2, 0.2], generator=torch.Generator().manual_seed(42))
    assert sorted([*train.indices, *val.indices, *test.indices]) == list(range(10))
    generator = torch.Generator()
    generator.manual_seed(0)
    shuffled = [x for x, _ in DataLoader(data, batch_size=3, shuffle=True, generator=generator, drop_last=True)]
    assert len(shuffled) == 3
    weighted = DataLoader(data, sampler=WeightedRandomSampler([0.0] * 9 + [1.0], 4), batch_size=2)
    assert all(int(y) == 1 for _, ys in weighted for y in ys)
    subset = DataLoader(data, sampler=SubsetRandomSampler([7]), batch_size=None)
    both = ConcatDataset([Subset(data, [1, 3]), data])
    first = next(iter(DataLoader(both, batch_size=3)))
    return dict(
        bucketed=bucketed,
        sizes=[len(train), len(val), len(test)],
        only=next(iter(subset)),
        both=len(both),
        first=first,
        stream=[b for b in DataLoader(Stream(), batch_size=3)],
        whole=data[2:4],
    )


def schedules():
    w = nn.Parameter(torch.tensor([1.0]))
    table = {}
    makers = {
        "step": lambda o: lr_scheduler.StepLR(o, 3, 0.5),
        "multi": lambda o: lr_scheduler.MultiStepLR(o, [2, 5], 0.1),
        "exp": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
        "cos": lambda o: lr_scheduler.CosineAnnealingLR(o, 6, 0.01),
        "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda e: 0.95**e),
        "one": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.5, total_steps=9),
        "cycle": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, step_size_up=3, cycle_momentum=False),
        "warm": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4),
        "seq": lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, 0.1, total_iters=3), lr_scheduler.PolynomialLR(o, 5)], [3]
        ),
        "chain": lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.ConstantLR(o, 0.5, 2), lr_scheduler.ExponentialLR(o, 0.8)]
        ),
    }
    for name, make in makers.items():
        optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler = make(optimizer)
        table[name] = []
        for _ in range(9):
            table[name].append(optimizer.param_groups[0]["lr"])
            w.grad = torch.ones(1)
            optimizer.step()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scheduler.step() if len(table[name]) < 9 else None
    optimizer = torch.optim.Adam([w], lr=0.1)
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer, "min", factor=0.5, patience=1)
    table["plateau"] = []
    for loss in (3.0, 2.0, 2.0, 2.0, 2.0, 1.0):
        plateau.step(loss)
        table["plateau"].append(optimizer.param_groups[0]["lr"])
    return dict(table=table)


def averaging():
    model = fill(nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 1)), 2)
    swa, ema = AveragedModel(model), AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    swa_scheduler = SWALR(optimizer, swa_lr=0.01, anneal_epochs=2)
    data = [(torch.from_numpy(numbers(3 + k, 8, 3)), torch.from_numpy(numbers(30 + k, 8, 1))) for k in range(3)]
    for epoch in range(4):
        for x, y in data:
            optimizer.zero_grad()
            F.huber_loss(model(x), y).backward()
            optimizer.step()
            ema.update_parameters(model)
        if epoch >= 1:
            swa.update_parameters(model)
            swa_scheduler.step()
    update_bn(data, swa)
    return dict(
        swa=swa.module[0].weight,
        ema=ema.module[3].bias,
        n=swa.n_averaged,
        running=swa.module[1].running_mean,
        lr=optimizer.param_groups[0]["lr"],
        out=swa(data[0][0]),
    )


def mixed_precision():
    torch.manual_seed(0)
    model = fill(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)), 4)
    optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler("cpu", init_scale=1024.0)
    x, y, losses, scales = torch.from_numpy(numbers(5, 12, 8)), torch.arange(12) % 4, [], []
    for step in range(8):
        with torch.autocast(device_type="cpu", dtype=torch.bfloat16):
            output = model(x)
            assert output.dtype is torch.bfloat16 or output.dtype == torch.bfloat16
            loss = F.cross_entropy(output, y)
            assert loss.dtype == torch.float32
            with torch.autocast(device_type="cpu", enabled=False):
                assert model(x).dtype == torch.float32
        scaler.scale(loss / 2).backward()
        if step == 3:
            model[0].weight.grad[0, 0] = float("inf")
        if step % 2 == 1:
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
        losses.append(loss.item())
        scales.append(scaler.get_scale())
    with torch.autocast("cpu"):
        kinds = [
            str((x @ x.T).dtype),
            str(x.exp().dtype),
            str((x.bfloat16() + x).dtype),
            str(F.mse_loss(x, x).dtype),
            str(torch.cat([x, x.bfloat16()]).dtype),
            str(nn.LSTM(8, 3)(x[None])[0].dtype != torch.float64),
        ]
    return dict(
        falls=losses,
        losses=[round(v, 1) for v in losses],
        scales=scales,
        state=scaler.state_dict()["scale"],
        kinds=[k.replace("torch.", "") for k in kinds],
        grad=str(model[0].weight.dtype).replace("torch.", ""),
    )


def accumulation():
    results = []
    for parts in (1, 4):
        model = fill(nn.Linear(5, 2), 6)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        x, y = torch.from_numpy(numbers(7, 8, 5)), torch.from_numpy(numbers(8, 8, 2))
        for _ in range(3):
            optimizer.zero_grad()
            for xs, ys in zip(x.chunk(parts), y.chunk(parts)):
                (F.mse_loss(model(xs), ys) / parts).backward()
            total = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
        results.append(model.weight.detach().clone())
    assert torch.allclose(*results, atol=1e-5)
    return dict(weight=results[0], total=total)


def hooks():
    model = fill(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)), 9)
    seen, shapes = {}, []

    def save(name):
        return lambda module, args, output: seen.__setitem__(name, output.detach())

    handles = [layer.register_forward_hook(save(f"{i}_{type(layer).__name__}")) for i, layer in enumerate(model)]
    back = model[0].register_full_backward_hook(lambda m, gi, go: shapes.append([gi[0] is None, list(go[0].shape)]))
    pre = model.register_forward_pre_hook(lambda m, args: (args[0] * 2,))
    x = torch.from_numpy(numbers(10, 3, 4))
    out = model(x)
    grads = {}
    out.register_hook(lambda g: grads.setdefault("out", g.clone()))
    out.register_hook(lambda g: g * 0.5)
    out.sum().backward()
    for h in [*handles, back, pre]:
        h.remove()
    after = model(x)
    clipped = [p.register_hook(lambda g: g.clamp(-0.1, 0.1)) for p in model.parameters()]
    model.zero_grad()
    model(x).pow(2).sum().backward()
    return dict(
        seen=seen,
        shapes=shapes,
        grads=grads,
        after=after,
        clipped=[p.grad for p in model.parameters()],
        count=len(clipped),
    )


class Symmetric(nn.Module):
    def forward(self, X):
        return X.triu() + X.triu(1).transpose(-1, -2)

    def right_inverse(self, A):
        return A.triu()


class MatrixExponential(nn.Module):
    def forward(self, X):
        return torch.matrix_exp(X)


class Skew(nn.Module):
    def forward(self, X):
        A = X.triu(1)
        return A - A.transpose(-1, -2)


def parametrizations():
    layer = fill(nn.Linear(3, 3), 11)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    with parametrize.cached():
        symmetric = layer.weight
    layer.weight = torch.eye(3) * 2
    rotation = fill(nn.Linear(3, 3), 12)
    parametrize.register_parametrization(rotation, "weight", Skew())
    parametrize.register_parametrization(rotation, "weight", MatrixExponential())
    loss = (rotation(torch.eye(3)) ** 2).sum()
    loss.backward()
    names = [n for n, _ in rotation.named_parameters()]
    q = rotation.weight @ rotation.weight.T
    parametrize.remove_parametrizations(layer, "weight")
    spectral = torch.nn.utils.parametrizations.spectral_norm(fill(nn.Linear(4, 4), 13), n_power_iterations=20)
    weight = torch.nn.utils.parametrizations.weight_norm(fill(nn.Linear(4, 2), 14))
    orthogonal = torch.nn.utils.parametrizations.orthogonal(fill(nn.Linear(3, 3), 15))
    return dict(
        symmetric=symmetric,
        set=layer.weight,
        q=q,
        names=names,
        is_it=parametrize.is_parametrized(rotation),
        top=torch.linalg.matrix_norm(spectral.weight, 2) < 1.05,
        g=weight.parametrizations.weight.original0,
        eye=orthogonal.weight @ orthogonal.weight.T,
        text=str(rotation),
    )


def pruning():
    model = fill(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 3)), 16)
    module = model[0]
    prune.l1_unstructured(module, name="weight", amount=0.3)
    prune.ln_structured(module, name="weight", amount=0.5, n=2, dim=0)
    kept = [list(dict(module.named_buffers())), [n for n, _ in module.named_parameters()]]
    mask = module.weight_mask.clone()
    prune.remove(module, "weight")
    prune.global_unstructured(
        [(model[0], "weight"), (model[2], "weight")], pruning_method=prune.L1Unstructured, amount=0.4
    )
    zeros = sum(int((m.weight == 0).sum()) for m in (model[0], model[2]))
    out = model(torch.from_numpy(numbers(17, 2, 1, 4, 4)))
    out.sum().backward()
    return dict(
        kept=kept, mask=mask, zeros=zeros, out=out, grad=model[2].weight_orig.grad, pruned=prune.is_pruned(model)
    )


def resuming():
    def fresh():
        model = fill(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)), 18)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        return model, optimizer, lr_scheduler.StepLR(optimizer, 2, 0.5)

    def train(model, optimizer, scheduler, steps):
        for k in range(steps):
            optimizer.zero_grad()
            F.mse_loss(model(torch.from_numpy(numbers(19, 6, 3))), torch.ones(6, 1)).backward()
            optimizer.step()
            scheduler.step()

    whole = fresh()
    train(*whole, 6)
    first = fresh()
    train(*first, 3)
    kept = copy.deepcopy(
        {"model": first[0].state_dict(), "optimizer": first[1].state_dict(), "scheduler": first[2].state_dict()}
    )
    second = fresh()
    for part, state in zip(second, kept.values()):
        part.load_state_dict(state)
    train(*second, 3)
    same = all(torch.equal(a, b) for a, b in zip(whole[0].parameters(), second[0].parameters()))
    keys = sorted(kept["optimizer"]["state"][0])
    return dict(same=same, keys=keys, lr=second[2].get_last_lr(), weight=second[0][0].weight)


def checkpointing():
    model = fill(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4)), 20)
    x = torch.from_numpy(numbers(21, 3, 4)).requires_grad_()
    out = checkpoint(model, x, use_reentrant=False)
    out.sum().backward()
    kept = model[0].weight.grad.clone()
    model.zero_grad()
    model(x).sum().backward()
    return dict(kept=kept, same=torch.allclose(kept, model[0].weight.grad), x=x.grad)


def early_stopping():
    random.seed(0)
    torch.manual_seed(0)
    np.random.seed(0)
    x = torch.from_numpy(numbers(22, 40, 3))
    y = x @ torch.tensor([[1.0], [2.0], [-1.0]]) + 0.5
    folds = np.array_split(np.arange(40), 4)
    scores = []
    for k, fold in enumerate(folds):
        test = torch.zeros(40, dtype=torch.bool)
        test[fold] = True
        model = fill(nn.Linear(3, 1), 23)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        best, patience, kept = float("inf"), 0, None
        for epoch in range(60):
            loss = F.l1_loss(model(x[~test]), y[~test])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                val = F.mse_loss(model(x[test]), y[test]).item()
            if val < best - 1e-4:
                best, patience, kept = val, 0, copy.deepcopy(model.state_dict())
            else:
                patience += 1
                if patience > 3:
                    break
        scores.append([best, epoch, kept["bias"].item()])
    return dict(scores=scores)


def own_optimizer():
    class Lion(torch.optim.Optimizer):
        def __init__(self, params, lr=1e-2, betas=(0.9, 0.99), weight_decay=0.0):
            if lr <= 0:
                raise ValueError(f"lr {lr}")
            super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    state = self.state[p]
                    if len(state) == 0:
                        state["exp_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                    beta1, beta2 = group["betas"]
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    update = state["exp_avg"].mul(beta1).add(p.grad, alpha=1 - beta1).sign_()
                    p.add_(update, alpha=-group["lr"])
                    state["exp_avg"].lerp_(p.grad, 1 - beta2)

    class Warmup(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base * min(1.0, (self.last_epoch + 1) / 4) for base in self.base_lrs]

    model = fill(nn.Linear(3, 2), 24)
    optimizer = Lion(model.parameters(), weight_decay=0.01)
    scheduler, lrs = Warmup(optimizer), []
    for _ in range(6):
        optimizer.zero_grad()
        model(torch.ones(2, 3)).pow(2).sum().backward()
        optimizer.step()
        scheduler.step()
        lrs.append(scheduler.get_last_lr()[0])
    return dict(weight=model.weight, lrs=lrs, text=repr(optimizer), state=list(optimizer.state_dict()["state"][0]))


def numpy_bridge():
    a = np.arange(6, dtype=np.float64).reshape(2, 3)
    t = torch.as_tensor(a)
    t[0, 0] = 10
    b = torch.tensor(a)
    b[0, 0] = -1
    x = torch.ones(3, requires_grad=True)
    y = (x * 2).detach().numpy()
    mixed = torch.tensor(np.float32(3.5)) * torch.tensor(2)
    return dict(
        a=a,
        b=b,
        y=y,
        mixed=mixed,
        item=float(t.sum()),
        shared=t.numpy() is not a and np.shares_memory(t.numpy(), a),
        stacked=torch.stack([torch.from_numpy(a), t]),
        listed=torch.tensor([[1, 2], [3, 4]]).float().mean(0),
        asarray=np.asarray(torch.ones(2)),
        half=torch.tensor([1.5, 2.5]).half(),
        ints=torch.from_numpy(np.array([1, 2])),
        bools=torch.from_numpy(a > 2),
        comparison=(t > 3).sum().item(),
        sorted=sorted(torch.tensor([3.0, 1.0, 2.0]).tolist()),
    )
