"""Gradients as tools: functional transforms, ensembles, meta-learning, second derivatives, equations, graphs."""

import copy
import math

import numpy as np
import torch
import torch.autograd.forward_ad as fwAD
import torch.nn as nn
import torch.nn.functional as F
from compat.tutorial_inputs import fill, numbers
from torch.autograd import Function, gradcheck, gradgradcheck
from torch.autograd.functional import hessian as whole_hessian, hvp, jacobian, vhp
from torch.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    stack_module_state,
    vjp,
    vmap,
)


def predict(weight, bias, x):
    return F.linear(x, weight, bias).tanh()


def jacobians():
    weight, bias, x = (torch.from_numpy(numbers(s, *shape)) for s, shape in ((1, (4, 4)), (2, (4,)), (3, (4,))))

    def compute(xp):
        xp = xp.clone().requires_grad_()
        unit = torch.eye(4)
        rows = [torch.autograd.grad(predict(weight, bias, xp), xp, vec)[0] for vec in unit]
        return torch.stack(rows)

    by_hand = compute(x)
    _, pull = vjp(lambda t: predict(weight, bias, t), x)
    (mapped,) = vmap(pull)(torch.eye(4))
    reverse, forward = jacrev(predict, argnums=2)(weight, bias, x), jacfwd(predict, argnums=2)(weight, bias, x)
    second = hessian(predict, argnums=2)(weight, bias, x)
    batch = torch.from_numpy(numbers(4, 3, 4))
    each = vmap(jacrev(predict, argnums=2), in_dims=(None, None, 0))(weight, bias, batch)
    value, tangent = jvp(lambda t: predict(weight, bias, t), (x,), (torch.ones(4),))
    both = jacrev(predict, argnums=(0, 1))(weight, bias, x)
    return dict(
        by_hand=by_hand,
        mapped=mapped,
        reverse=reverse,
        forward=forward,
        second=second,
        each=each,
        tangent=tangent,
        value=value,
        both=both,
        old=jacobian(lambda t: predict(weight, bias, t), x),
        nested=grad(grad(lambda t: torch.sin(t)))(torch.tensor(0.5)),
    )


def per_sample_gradients():
    model = fill(nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)), 5)
    data, targets = torch.from_numpy(numbers(6, 7, 5)), torch.arange(7) % 3
    params = {k: v.detach() for k, v in model.named_parameters()}
    buffers = {k: v.detach() for k, v in model.named_buffers()}

    def compute_loss(params, buffers, sample, target):
        predictions = functional_call(model, (params, buffers), (sample.unsqueeze(0),))
        return F.cross_entropy(predictions, target.unsqueeze(0))

    found = vmap(grad(compute_loss), in_dims=(None, None, 0, 0))(params, buffers, data, targets)
    norms = torch.stack([g.flatten(1).norm(dim=1) for g in found.values()]).norm(dim=0)
    private = {k: (g * (1.0 / norms.clamp(min=1.0)).view(-1, *[1] * (g.dim() - 1))).mean(0) for k, g in found.items()}
    grads, loss = grad_and_value(compute_loss)(params, buffers, data[0], targets[0])
    return dict(found=found, norms=norms, private=private, loss=loss, one=grads["0.bias"])


def ensembling():
    models = [fill(nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2)), s) for s in range(3)]
    params, buffers = stack_module_state(models)
    base = copy.deepcopy(models[0])

    def fmodel(params, buffers, x):
        return functional_call(base, (params, buffers), (x,))

    shared = torch.from_numpy(numbers(7, 5, 4))
    own = torch.from_numpy(numbers(8, 3, 5, 4))
    one = vmap(fmodel, in_dims=(0, 0, None))(params, buffers, shared)
    each = vmap(fmodel)(params, buffers, own)
    assert torch.allclose(one[1], models[1](shared), atol=1e-5)
    return dict(one=one, each=each, shapes=[list(p.shape) for p in params.values()])


def maml():
    net = fill(nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1)), 9, 1.0)
    optimizer, losses = torch.optim.Adam(net.parameters(), lr=3e-3), []

    def task(phase, seed):
        x = torch.from_numpy(numbers(seed, 10, 1)) * 2
        return x, torch.sin(x + phase)

    for step in range(6):
        meta = 0.0
        for k in range(3):
            x, y = task(0.3 * k, 100 + 10 * step + k)
            params = dict(net.named_parameters())
            loss = F.mse_loss(functional_call(net, params, x[:5]), y[:5])
            grads = torch.autograd.grad(loss, list(params.values()), create_graph=True)
            adapted = {n: p - 0.02 * g for (n, p), g in zip(params.items(), grads)}
            meta = meta + F.mse_loss(functional_call(net, adapted, (x[5:],)), y[5:])
        optimizer.zero_grad()
        meta.backward()
        optimizer.step()
        losses.append(meta.item())
    return dict(falls=losses, losses=losses, weight=net[0].weight)


class Cube(Function):
    @staticmethod
    def forward(x):
        return x**3, 3 * x**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,), (_, dx) = inputs, output
        ctx.save_for_backward(x, dx)

    @staticmethod
    def backward(ctx, grad_output, grad_dx):
        x, dx = ctx.saved_tensors
        return grad_output * dx + grad_dx * 6 * x


class Sinh(Function):
    @staticmethod
    def forward(ctx, x):
        expx, expnegx = torch.exp(x), torch.exp(-x)
        ctx.save_for_backward(expx, expnegx)
        return (expx - expnegx) / 2, expx, expnegx

    @staticmethod
    def backward(ctx, grad_out, _grad_exp, _grad_negexp):
        expx, expnegx = ctx.saved_tensors
        grad_input = grad_out * (expx + expnegx) / 2
        grad_input += _grad_exp * expx
        grad_input -= _grad_negexp * expnegx
        return grad_input


class ClampStraightThrough(Function):
    @staticmethod
    def forward(ctx, x, low, high=1.0):
        ctx.mark_non_differentiable()
        ctx.set_materialize_grads(False)
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx, g):
        assert ctx.needs_input_grad[0] and not ctx.needs_input_grad[1]
        return g.clone(), None, None


class NumpySort(Function):
    @staticmethod
    def forward(ctx, x):
        ind = np.argsort(x.detach().numpy())
        ctx.save_for_backward(torch.tensor(ind))
        return torch.tensor(np.take_along_axis(x.detach().numpy(), ind, -1))

    @staticmethod
    def backward(ctx, g):
        (ind,) = ctx.saved_tensors
        return torch.zeros_like(g).scatter(-1, ind, g)


def own_functions():
    x = torch.from_numpy(numbers(10, 4).astype("float64")).requires_grad_()
    ok = [
        gradcheck(Cube.apply, x),
        gradgradcheck(Cube.apply, x),
        gradcheck(lambda t: Sinh.apply(t)[0], x),
        gradgradcheck(lambda t: Sinh.apply(t)[0], x),
        gradcheck(NumpySort.apply, x),
    ]
    y, _ = Cube.apply(x)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    clamped = ClampStraightThrough.apply(x, -0.1, 0.1)
    clamped.sum().backward()
    return dict(ok=ok, first=first, second=second, clamped=clamped, straight=x.grad)


def second_order():
    w = torch.from_numpy(numbers(11, 3)).requires_grad_()
    f = lambda t: (t.exp() * t.sum()).prod() + t.pow(3).sum()  # noqa: E731
    v = torch.tensor([1.0, -1.0, 0.5])
    (g,) = torch.autograd.grad(f(w), w, create_graph=True)
    (by_hand,) = torch.autograd.grad(g, w, v, retain_graph=True)
    rows = torch.stack([torch.autograd.grad(g[i], w, retain_graph=True)[0] for i in range(3)])
    batched = torch.autograd.grad(g, w, torch.eye(3), is_grads_batched=True, retain_graph=True)[0]
    penalty = f(w) + g.pow(2).sum()
    penalty.backward()
    newton = w.detach() - torch.linalg.solve(rows, g.detach())
    return dict(
        by_hand=by_hand,
        rows=rows,
        penalty=w.grad,
        hvp=hvp(f, w.detach(), v)[1],
        vhp=vhp(f, w.detach(), v)[1],
        hessian=whole_hessian(f, w.detach()),
        newton=newton,
        batched=batched,
    )


class Dynamics(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 10), nn.Tanh(), nn.Linear(10, 2))

    def forward(self, t, y):
        return self.net(y**3)


def odeint(f, y0, ts):
    out, y = [y0], y0
    for t0, t1 in zip(ts[:-1], ts[1:]):
        h = t1 - t0
        k1 = f(t0, y)
        k2 = f(t0 + h / 2, y + h * k1 / 2)
        k3 = f(t0 + h / 2, y + h * k2 / 2)
        k4 = f(t1, y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        out.append(y)
    return torch.stack(out)


def neural_ode():
    true_A, ts = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]]), torch.linspace(0.0, 1.0, 9)
    y0 = torch.tensor([[1.0, 0.0]])
    with torch.no_grad():
        true = odeint(lambda t, y: torch.mm(y**3, true_A), y0, ts)
    func = fill(Dynamics(), 12, 1.0)
    optimizer, losses = torch.optim.RMSprop(func.parameters(), lr=1e-2), []
    for _ in range(10):
        loss = torch.mean(torch.abs(odeint(func, y0, ts) - true))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    x = torch.linspace(0, 1, 12).unsqueeze(1).requires_grad_()  # a differential equation as a loss: u'' = -u
    u = fill(nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)), 13, 2.0)
    (du,) = torch.autograd.grad(u(x), x, torch.ones(12, 1), create_graph=True)
    (ddu,) = torch.autograd.grad(du.sum(), x, create_graph=True)
    residual = (ddu + u(x)).pow(2).mean()
    residual.backward()
    return dict(falls=losses, losses=losses, residual=residual, weight=u[0].weight.grad)


class GraphConvolution(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(a, b)), nn.Parameter(torch.empty(b))
        self.reset_parameters()

    def reset_parameters(self):
        stdv = 1.0 / math.sqrt(self.weight.size(1))
        self.weight.data.uniform_(-stdv, stdv)
        self.bias.data.uniform_(-stdv, stdv)

    def forward(self, x, edges):
        source, to = edges
        degree = torch.zeros(len(x)).scatter_add_(0, to, torch.ones(len(to)))
        norm = degree.clamp(min=1).rsqrt()
        messages = (x @ self.weight)[source] * (norm[source] * norm[to]).unsqueeze(-1)
        return torch.zeros(len(x), self.weight.size(1)).index_add(0, to, messages) + self.bias


def graph():
    edges = torch.tensor([[0, 1, 1, 2, 3, 4, 4, 5, 0, 1, 2, 3, 4, 5], [1, 0, 2, 1, 4, 3, 5, 4, 0, 1, 2, 3, 4, 5]])
    x, labels = torch.eye(6), torch.tensor([0, 0, 0, 1, 1, 1])
    model = fill(nn.ModuleList([GraphConvolution(6, 8), GraphConvolution(8, 2)]), 14, 2.0)
    train, losses = torch.tensor([True, False, False, False, True, False]), []
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05, weight_decay=5e-4)
    for _ in range(20):
        scores = model[1](F.relu(model[0](x, edges)), edges)
        loss = F.cross_entropy(scores[train], labels[train])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    value = torch.from_numpy(numbers(15, 14))
    best = torch.full((6,), float("-inf")).scatter_reduce(0, edges[1], value, reduce="amax")
    soft = (value - best[edges[1]]).exp()
    soft = soft / torch.zeros(6).index_add_(0, edges[1], soft)[edges[1]]
    adjacency = torch.zeros(6, 6)
    adjacency[edges[0], edges[1]] = 1.0
    mean = torch.zeros(6, 6).index_reduce_(0, edges[1], x[edges[0]], "mean", include_self=False)
    return dict(
        falls=losses,
        loss=loss,
        scores=scores,
        soft=soft,
        power=torch.linalg.matrix_power(adjacency, 3),
        mean=mean,
        unique=torch.unique(edges, return_counts=True)[1],
        count=torch.bincount(edges[1], minlength=8),
    )


def einsum():
    a, b, c = (torch.from_numpy(numbers(s, *shape)) for s, shape in ((16, (2, 3, 4)), (17, (2, 4, 5)), (18, (5, 5))))
    a.requires_grad_()
    out = torch.einsum("bij,bjk,kl->bil", a, b, c)
    out.sum().backward()
    return dict(
        out=out,
        grad=a.grad,
        trace=torch.einsum("ii", c),
        diagonal=torch.einsum("ii->i", c),
        outer=torch.einsum("i,j->ij", c[0], c[1]),
        batch=torch.einsum("...ij->...ji", a),
        bilinear=torch.einsum("bn,anm,bm->ba", torch.ones(2, 4), torch.ones(3, 4, 5), torch.ones(2, 5)),
        dot=torch.tensordot(a, b, dims=([0, 2], [0, 1])),
        product=torch.linalg.multi_dot([c, c, c]),
        grid=torch.stack(torch.meshgrid(torch.arange(3), torch.arange(2), indexing="ij"), -1),
        pairs=torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([3, 4])),
        triples=torch.combinations(torch.arange(4), 2),
    )


def linear_algebra():
    x = torch.from_numpy(numbers(19, 20, 3).astype("float64"))
    y = x @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 0.1
    design = torch.column_stack([x, torch.ones(20, dtype=torch.float64)])
    fit = torch.linalg.lstsq(design, y.unsqueeze(1)).solution
    normal = torch.linalg.inv(design.T @ design) @ design.T @ y
    centred = x - x.mean(0)
    U, S, Vh = torch.linalg.svd(centred, full_matrices=False)
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    kernel = torch.exp(-0.5 * torch.cdist(x, x) ** 2) + 0.1 * torch.eye(20, dtype=torch.float64)
    L = torch.linalg.cholesky(kernel)
    alpha = torch.cholesky_solve(y.unsqueeze(1), L)
    likelihood = -0.5 * y @ alpha.squeeze() - L.diagonal().log().sum() - 10 * math.log(2 * math.pi)
    return dict(
        fit=fit,
        normal=normal,
        S=S,
        projected=(centred @ Vh.T).abs(),
        values=values,
        likelihood=likelihood,
        cov=torch.cov(x.T),
        corr=torch.corrcoef(x.T),
        rank=torch.linalg.matrix_rank(x),
        cond=torch.linalg.cond(x),
        det=torch.linalg.slogdet(kernel)[1],
        norm=torch.linalg.norm(x, ord="nuc"),
        spectrum=torch.fft.rfft(y).abs(),
        low=torch.fft.irfft(torch.fft.rfft(y)[:4], n=20),
    )


def forward_mode():
    primal, tangent = torch.from_numpy(numbers(30, 3, 3)), torch.from_numpy(numbers(31, 3, 3))
    with fwAD.dual_level():
        dual = fwAD.make_dual(primal, tangent)
        assert torch.equal(fwAD.unpack_dual(dual).tangent, tangent)
        out = fwAD.unpack_dual(dual.sin() * dual.sum())
        plain = fwAD.unpack_dual(torch.ones(2))
    model = fill(nn.Linear(3, 2), 32)
    inputs, params = torch.from_numpy(numbers(33, 4, 3)), dict(model.named_parameters())
    tangents = {name: torch.ones_like(p) for name, p in params.items()}
    with fwAD.dual_level():
        duals = {name: fwAD.make_dual(p, tangents[name]) for name, p in params.items()}
        product = fwAD.unpack_dual(functional_call(model, duals, (inputs,)).tanh()).tangent
    value, push = torch.func.linearize(torch.sin, primal)
    return dict(
        primal=out.primal, tangent=out.tangent, none=plain.tangent, product=product, value=value, push=push(tangent)
    )


def closures():
    """Gradients of gradients reach what a function closes over, too; the graph can be walked to its leaves."""
    outer = torch.ones(3, requires_grad=True)
    x = torch.from_numpy(numbers(40, 3))
    grad(lambda v: (v * outer).sum().pow(2))(x).sum().backward()
    free = grad(lambda v: (v * outer.detach()).sum().pow(2))(x)
    net = fill(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), 41)
    names, waiting, found = {id(p): n for n, p in net.named_parameters()}, [net(x).grad_fn], set()
    while waiting:
        node = waiting.pop()
        if hasattr(node, "variable"):
            found.add(names[id(node.variable)])
            assert node.next_functions == () and node.name().endswith("AccumulateGrad")
        waiting.extend(following for following, _ in node.next_functions if following is not None)
    return dict(outer=outer.grad, free=free, tracked=free.requires_grad, found=sorted(found))
