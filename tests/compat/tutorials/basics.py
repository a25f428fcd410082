"""First hours of a course: tensors, gradients, a polynomial fitted six ways, modules, a classifier."""

import copy
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from compat.tutorial_inputs import fill, numbers
from torch import optim
from torch.autograd import Function, Variable


def tensors():
    data = [[1, 2], [3, 4]]
    x_data = torch.tensor(data)
    x_np = torch.from_numpy(np.array(data))
    ones = torch.ones_like(x_data)
    random = torch.rand_like(x_data, dtype=torch.float)
    shape = (2, 3)
    zeros = torch.zeros(shape)
    assert zeros.dtype == torch.float32 and zeros.device.type == "cpu" and zeros.shape == torch.Size([2, 3])
    assert random.shape == x_data.shape and torch.is_tensor(random) and random.size() == torch.Size((2, 2))
    if torch.cuda.is_available():
        zeros = zeros.to("cuda")
    t = torch.ones(4, 4)
    t[:, 1] = 0
    wide = torch.cat([t, t, t], dim=1)
    y1 = t @ t.T
    y2 = t.matmul(t.T)
    y3 = torch.rand_like(y1)
    torch.matmul(t, t.T, out=y3)
    z = torch.rand_like(t)
    torch.mul(t, t, out=z)
    total = t.sum().item()
    t.add_(5)
    n = t.numpy()
    t.add_(1)
    m = np.ones(5)
    shared = torch.from_numpy(m)
    np.add(m, 1, out=m)
    a = torch.arange(12.0).view(3, 4)
    first, last, column, corner = a[0], a[..., -1], a[:, 0], a[1:, :2]
    mask = a[a > 5]
    a_t = a.t().contiguous().view(-1)
    picked = a.index_select(1, torch.LongTensor([0, 2]))
    gathered = a.gather(1, torch.tensor([[0], [1], [2]]))
    stacked = torch.stack((first, a[1]))
    left, right = torch.chunk(a, 2, dim=1)
    parts = torch.split(a, [1, 2], dim=0)
    values, indices = a.max(dim=1)
    top = torch.topk(a.flatten(), 3)
    halves = a.unsqueeze(0).expand(2, -1, -1).permute(2, 0, 1).squeeze()
    lists = a.int().tolist()
    b = torch.FloatTensor([1, 2, 3]).double().long()
    e = torch.empty(2, 2).fill_(3.0)
    big = torch.Tensor(2, 3).zero_()
    assert b.type() == "torch.LongTensor" and isinstance(b, torch.LongTensor) and b.is_floating_point() is False
    assert torch.numel(a) == 12 and a.nelement() == 12 and a.element_size() == 4 and a.dim() == 2
    return dict(
        x_np=x_np,
        ones=ones,
        wide=wide,
        y1=y1,
        y2=y2,
        y3=y3,
        z=z,
        total=total,
        n=n,
        shared=shared,
        first=first,
        last=last,
        column=column,
        corner=corner,
        mask=mask,
        a_t=a_t,
        picked=picked,
        gathered=gathered,
        stacked=stacked,
        left=left,
        right=right,
        part=parts[1],
        values=values,
        indices=indices,
        top=top[0],
        top_i=top.indices,
        halves=halves,
        lists=lists,
        b=b,
        e=e,
        big=big,
        text=str(lists),
        total_f=f"{a.mean():.3f}",
        arg=int(a.argmax()),
        flag=bool((a > 3).any()),
    )


def gradients():
    a = torch.tensor([2.0, 3.0], requires_grad=True)
    b = torch.tensor([6.0, 4.0], requires_grad=True)
    q = 3 * a**3 - b**2
    external = torch.tensor([1.0, 1.0])
    q.backward(gradient=external)
    assert bool(torch.all(9 * a**2 == a.grad)) and q.requires_grad and a.is_leaf and not q.is_leaf
    x = torch.ones(5)
    y = torch.zeros(3)
    w = torch.from_numpy(numbers(1, 5, 3)).requires_grad_()
    bias = torch.zeros(3, requires_grad=True)
    z = torch.matmul(x, w) + bias
    loss = F.binary_cross_entropy_with_logits(z, y)
    assert z.grad_fn is not None and loss.grad_fn is not None
    loss.backward()
    with torch.no_grad():
        assert not (torch.matmul(x, w) + bias).requires_grad
    inp = torch.eye(4, 5, requires_grad=True)
    out = (inp + 1).pow(2).t()
    out.backward(torch.ones_like(out), retain_graph=True)
    once = inp.grad.clone()
    out.backward(torch.ones_like(out), retain_graph=True)
    twice = inp.grad.clone()
    inp.grad.zero_()
    out.backward(torch.ones_like(out))
    v = Variable(torch.Tensor([1.0, 2.0]), requires_grad=True)
    (v.data.sum() * v).sum().backward()
    u = torch.tensor(2.0, requires_grad=True)
    (g1,) = torch.autograd.grad(u**4, u, create_graph=True)
    (g2,) = torch.autograd.grad(g1, u)
    jac = torch.autograd.functional.jacobian(lambda t: t.exp() * t.sum(), torch.tensor([0.1, 0.2]))
    kept = (v * 2).sigmoid()
    kept.retain_grad()
    kept.sum().backward()
    return dict(
        a=a.grad,
        b=b.grad,
        w=w.grad,
        bias=bias.grad,
        once=once,
        twice=twice,
        third=inp.grad,
        v=v.grad,
        g2=g2,
        jac=jac,
        kept=kept.grad,
    )


def fit_numpy():
    x = np.linspace(-math.pi, math.pi, 200)
    y = np.sin(x)
    a, b = 0.1, -0.2
    for _ in range(50):
        error = 2 * (a + b * x - y)
        a -= 1e-4 * error.sum()
        b -= 1e-4 * (error * x).sum()
    return dict(a=a, b=b)


def fit_tensors():
    dtype, device = torch.float, torch.device("cpu")
    x = torch.linspace(-math.pi, math.pi, 200, device=device, dtype=dtype)
    y = torch.sin(x)
    a, b, c, d = (torch.tensor(v, device=device, dtype=dtype) for v in (0.1, 0.2, -0.1, 0.3))
    losses = []
    for _ in range(100):
        y_pred = a + b * x + c * x**2 + d * x**3
        losses.append((y_pred - y).pow(2).sum().item())
        grad = 2.0 * (y_pred - y)
        a -= 1e-5 * grad.sum()
        b -= 1e-5 * (grad * x).sum()
        c -= 1e-5 * (grad * x**2).sum()
        d -= 1e-5 * (grad * x**3).sum()
    return dict(text=f"{a.item():.3f} {b.item():.3f} {c.item():.3f} {d.item():.3f}", falls=losses)


def fit_autograd():
    x = torch.linspace(-math.pi, math.pi, 200)
    y = torch.sin(x)
    weights = [torch.full((), v, requires_grad=True) for v in (0.1, 0.2, -0.1, 0.3)]
    a, b, c, d = weights
    for _ in range(100):
        loss = (a + b * x + c * x**2 + d * x**3 - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            for w in weights:
                w -= 1e-5 * w.grad
                w.grad = None
    return dict(w=torch.stack(weights).detach(), loss=loss.item())


class LegendreThree(Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return 0.5 * (5 * input**3 - 3 * input)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        return grad_output * 1.5 * (5 * input**2 - 1)


def fit_function():
    x = torch.linspace(-math.pi, math.pi, 200)
    y = torch.sin(x)
    a, b, c, d = (torch.full((), v, requires_grad=True) for v in (0.0, -1.0, 0.0, 0.3))
    for _ in range(60):
        p3 = LegendreThree.apply
        loss = (a + b * p3(c + d * x) - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            for w in (a, b, c, d):
                w.sub_(5e-6 * w.grad)
                w.grad = None
    return dict(a=a, b=b, c=c, d=d)


def fit_nn():
    x = torch.linspace(-math.pi, math.pi, 200)
    y = torch.sin(x)
    p = torch.tensor([1, 2, 3])
    xx = x.unsqueeze(-1).pow(p)
    model = fill(nn.Sequential(nn.Linear(3, 1), nn.Flatten(0, 1)), 3)
    loss_fn = nn.MSELoss(reduction="sum")
    for _ in range(100):
        y_pred = model(xx)
        loss = loss_fn(y_pred, y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for param in model.parameters():
                param -= 1e-6 * param.grad
    layer = model[0]
    return dict(bias=layer.bias.item(), weight=layer.weight[:, 0], loss=loss)


def fit_optim():
    x = torch.linspace(-math.pi, math.pi, 200)
    y = torch.sin(x)
    xx = x.unsqueeze(-1).pow(torch.tensor([1, 2, 3]))
    model = fill(nn.Sequential(nn.Linear(3, 1), nn.Flatten(0, 1)), 4)
    optimizer = optim.RMSprop(model.parameters(), lr=1e-3)
    for _ in range(100):
        loss = nn.MSELoss(reduction="sum")(model(xx), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return dict(loss=loss, weight=model[0].weight, text=str(model))


class DynamicNet(nn.Module):
    def __init__(self):
        super().__init__()
        for k, name in enumerate("abcde"):
            setattr(self, name, nn.Parameter(torch.tensor(0.1 * k - 0.2)))

    def forward(self, x, more):
        y = self.a + self.b * x + self.c * x**2 + self.d * x**3
        for exp in range(4, 4 + more):
            y = y + self.e * x**exp
        return y

    def string(self):
        return f"y = {self.a.item():.4f} + {self.b.item():.4f} x + {self.c.item():.4f} x^2"


def fit_dynamic():
    x = torch.linspace(-1, 1, 100)
    y = torch.sin(x)
    model = DynamicNet()
    optimizer = optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    for t in range(60):
        loss = F.mse_loss(model(x, t % 3), y, reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return dict(text=model.string(), state={k: v.clone() for k, v in model.state_dict().items()})


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, input):
        c1 = F.relu(self.conv1(input))
        s2 = F.max_pool2d(c1, (2, 2))
        s4 = F.max_pool2d(F.relu(self.conv2(s2)), 2)
        s4 = torch.flatten(s4, 1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(s4)))))


def networks():
    net = fill(LeNet(), 5)
    params = list(net.parameters())
    input = torch.from_numpy(numbers(6, 1, 1, 32, 32))
    out = net(input)
    net.zero_grad()
    out.backward(torch.from_numpy(numbers(7, 1, 10)))
    output = net(input)
    target = torch.from_numpy(numbers(8, 10)).view(1, -1)
    loss = nn.MSELoss()(output, target)
    names = [loss.grad_fn.next_functions[0][0] is not None, len(loss.grad_fn.next_functions)]
    net.zero_grad()
    before = net.conv1.bias.grad
    loss.backward()
    grads = net.conv1.bias.grad.clone()
    for f in net.parameters():
        f.data.sub_(f.grad.data * 0.01)
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    optimizer.zero_grad()
    loss = nn.MSELoss()(net(input), target)
    loss.backward()
    optimizer.step()
    return dict(
        count=len(params),
        size=list(params[0].size()),
        out=out,
        grads=grads,
        none=before is None,
        names=names,
        after=net.fc3.bias,
        text=repr(net),
        total=sum(p.numel() for p in net.parameters() if p.requires_grad),
    )


class Pictures(torch.utils.data.Dataset):
    def __init__(self, images, labels, transform=None, target_transform=None):
        self.images, self.labels, self.transform, self.target_transform = images, labels, transform, target_transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        image, label = self.images[idx], int(self.labels[idx])
        if self.transform:
            image = self.transform(image)
        if self.target_transform:
            label = self.target_transform(label)
        return image, label


def train_loop(dataloader, model, loss_fn, optimizer):
    size = len(dataloader.dataset)
    model.train()
    for batch, (X, y) in enumerate(dataloader):
        loss = loss_fn(model(X), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        assert batch * dataloader.batch_size + len(X) <= size
    return loss.item()


def test_loop(dataloader, model, loss_fn):
    model.eval()
    test_loss, correct = 0.0, 0.0
    with torch.no_grad():
        for X, y in dataloader:
            pred = model(X)
            test_loss += loss_fn(pred, y).item()
            correct += (pred.argmax(1) == y).type(torch.float).sum().item()
    return test_loss / len(dataloader), correct / len(dataloader.dataset)


def quickstart():
    from torch.utils.data import DataLoader

    images, labels = numbers(9, 60, 1, 8, 8), np.arange(60) % 4
    images += labels[:, None, None, None].astype("float32")
    scale = lambda image: torch.from_numpy(image) / 4  # noqa: E731
    training_data, test_data = Pictures(images[:48], labels[:48], scale), Pictures(images[48:], labels[48:], scale)
    train, test = DataLoader(training_data, batch_size=16), DataLoader(test_data, batch_size=16, num_workers=0)
    for X, y in test:
        shapes = [list(X.shape), y.dtype == torch.int64]
        break
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"

    class NeuralNetwork(nn.Module):
        def __init__(self):
            super().__init__()
            self.flatten = nn.Flatten()
            self.linear_relu_stack = nn.Sequential(
                nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4)
            )

        def forward(self, x):
            return self.linear_relu_stack(self.flatten(x))

    model = fill(NeuralNetwork().to(device), 10)
    loss_fn, optimizer = nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.05)
    losses = [train_loop(train, model, loss_fn, optimizer) for _ in range(8)]
    loss, accuracy = test_loop(test, model, loss_fn)
    probabilities = nn.Softmax(dim=1)(model(torch.from_numpy(images[48:])))
    return dict(
        shapes=shapes,
        falls=losses,
        loss=loss,
        accuracy=accuracy,
        probabilities=probabilities,
        guess=probabilities.argmax(1),
        text=str(model),
    )


def copies():
    net = fill(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), 11)
    twin = copy.deepcopy(net)
    state = {k: v.clone() for k, v in net.state_dict().items()}
    with torch.no_grad():
        net[0].weight.mul_(2)
        net[2].weight[0, 1] = 7.0
    twin.load_state_dict(state)
    same = all(torch.equal(a, b) for a, b in zip(twin.state_dict().values(), state.values()))
    differ = [n for (n, a), b in zip(net.named_parameters(), twin.parameters()) if not torch.allclose(a, b)]
    return dict(same=same, differ=differ, keys=list(state))
