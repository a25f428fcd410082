"""Everyday lines of PyTorch programs, evaluated with both libraries: values, dtypes, shapes and types agree."""
import copy
import math
import pickle
import warnings

import numpy as np
import pytest
import torch

import rustorch

# `t` is the library, `x` is [[0, 1, 2], [3, 4, 5]] in float32
LINES = """
x[range(2), [0, 1]]
x[[0, 1], [1, 2]]
x[np.array([0, 1])]
x[np.int64(1)]
x[t.tensor(1)]
x[t.tensor([0, 1]), t.tensor([1, 2])]
x[..., None].shape
x[:, [0, 2]]
x[True].shape
x[None, 0].shape
x[t.tensor(0):t.tensor(2)]
x[x>2]
x[x>2].sum()
x[:, t.tensor([True, False, True])]
x[(x>1)&(x<4)]
x[1, 2].item()
x[-1]
x[::2]
x[:, 1:]
list(x[0])
[r.sum().item() for r in x]
parts(x)
min(x[0]).item()
max(x[0]).item()
sum(x[0])
sum(x)
sorted(x[0])
sorted(x[0].tolist(), reverse=True)
math.sqrt(x[0, 1])
np.sqrt(x).shape
2 ** x
1 / (x+1)
x // 2
x % 2
-7 // t.tensor(2)
t.tensor(-7) // 2
t.tensor(-7) % 3
7 - x
x == None
x is None
bool(t.tensor(0))
not t.tensor([1])
x.shape == (2, 3)
x.shape[1:].numel()
type(x.shape[1:]).__name__
[*x.shape]
x.size(0), x.size()[1]
t.Size([1, 2]) + t.Size([3])
t.Size([1, 2]) == [1, 2]
x.shape.numel()
f"{x[0, 1]:.2f}"
f"{t.tensor(3)}"
"%d %.2f" % (t.tensor(3), t.tensor(2.5))
"{:5.1f}|".format(t.tensor(2.55))
range(t.tensor(3))
[10, 20, 30][t.tensor(1)]
np.zeros(3)[t.tensor(1)]
t.tensor([1, 2]).numpy()[0]
int(t.tensor(3.7))
t.tensor(3.0).item().is_integer()
hash(x) == hash(x)
x in [x]
{x: 1}[x]
len(x)
x.T.shape
x.mT.shape
x.H.shape
(x > 1).any(), (x>1).all(dim=0)
x.max(), x.max(0), x.max(1).values
x.argmax(dim=1, keepdim=True)
x.sort(descending=True)[0]
x.std(), x.var(0), x.std(unbiased=False)
x.norm(), x.norm(p=1), x.norm(dim=1)
x.mean((0, 1))
x.sum(axis=1)
t.sum(x, 0)
t.mean(x, dim=[0, 1], keepdim=True)
x.view(-1), x.view(3, -1).shape
x.view(x.size(0), -1).shape
x.flatten().unsqueeze(0).shape
x.repeat(2, 1).shape, x.expand(2, 2, 3).shape
t.cat((x, x), -1).shape
t.cat([x, x.long()]).dtype
t.where(x>1, x, 0.)
t.where(x>1, 1, 0)
t.where(x>100)
t.clamp(x, min=1, max=2)
x.clip(0, 1)
t.tensor([1, 2, 3]) / 2
t.tensor([1, 2]) * 1.5
t.tensor([True]) + 1
t.tensor([1], dtype=t.uint8) - 2
t.tensor(5) / t.tensor(2)
t.tensor([1.5]).long()
t.tensor([1, 2]).float().mean()
t.arange(3) == t.tensor([0, 5, 2])
t.equal(x, x), t.allclose(x, x+1e-9)
t.ones(2).dtype, t.tensor([1.]).dtype, t.tensor(1).dtype, t.tensor([1+1j]).dtype, t.tensor(True).dtype
t.tensor(np.array([1.0])).dtype, t.tensor(np.float32(1)).dtype, t.tensor([np.float64(1)]).dtype
t.as_tensor([1, 2]).dtype
t.from_numpy(np.arange(3)).dtype
t.tensor([]).dtype
t.tensor([[]]).shape
t.tensor([t.tensor(1), t.tensor(2)])
t.tensor([t.tensor(1.), 2])
t.tensor((1, 2)), t.tensor(range(3))
t.zeros(2, 3).fill_(1).mul_(2).add_(x).shape
x.new_zeros(2), x.new_tensor([1]), x.new_full((2, ), 3)
x.clone().zero_()
x.masked_fill(x>1, -1)
x.scatter(1, t.tensor([[0], [1]]), 9.)
x.index_fill(1, t.tensor([0]), 5)
t.triu(t.ones(3, 3), diagonal=1).bool()
t.tril(t.ones(3, 3)).masked_fill(t.eye(3)==1, float('-inf'))
t.linspace(0, 1, 5)
t.logspace(0, 2, 3)
t.arange(1, 2, 0.25)
t.meshgrid(t.arange(2), t.arange(3), indexing='xy')[0]
t.outer(x[0], x[1])
t.einsum('ij->ji', x)
t.bincount(t.tensor([1, 1, 2]))
t.unique(t.tensor([3, 1, 3]))
t.unique(t.tensor([3, 1, 3]), return_inverse=True, return_counts=True)
t.histc(x, bins=3, min=0, max=5)
t.bucketize(x, t.tensor([1., 3.]))
t.quantile(x, 0.5), t.median(x), x.mode()
t.cumsum(x, 0), t.cumprod(x, 1), t.diff(x)
t.roll(x, 1, 0), t.flip(x, [0, 1]), t.rot90(x)
t.nonzero(x), (x>1).nonzero(as_tuple=True)
t.topk(x, 2).indices
t.kthvalue(x, 2)
t.searchsorted(t.tensor([1., 2., 3.]), t.tensor([2.]))
t.isnan(t.tensor([float('nan')])), t.isinf(x).any()
t.nan_to_num(t.tensor([float('nan'), float('inf')]), nan=0.0, posinf=1.0)
t.sign(x-2), t.heaviside(x-2, t.tensor([0.5]))
t.lerp(x, x+1, 0.5), t.addcmul(x, x, x, value=0.1)
t.logical_and(x>1, x<3), (x>1) ^ (x<3), ~(x>1)
t.bitwise_and(t.tensor([3]), 1), t.tensor([3]) << 1
t.trace(x[:, :2]), t.det(x[:, :2]), t.inverse(x[:, :2]+t.eye(2))
t.nn.functional.one_hot(t.tensor([0, 2]), num_classes=3)
t.nn.functional.pad(x, (1, 1), value=7)
t.nn.functional.normalize(x, dim=-1)
t.nn.functional.log_softmax(x, -1), x.softmax(-1), x.log_softmax(1), x.sigmoid(), x.tanh(), x.relu()
t.nn.functional.leaky_relu(x-2, 0.1), t.nn.functional.elu(x-2), t.nn.functional.gelu(x)
t.complex(x, x).abs(), t.view_as_real(t.complex(x, x)).shape, t.polar(x, x).imag
t.finfo(t.float32).eps, t.iinfo(t.int32).max
t.randint(0, 10, (3, )).shape, t.randperm(4).sort()[0], t.rand(2, 3).shape, t.rand(size=(2, 3)).shape
t.randn((2, )).shape
t.empty(2, 3).shape, t.full([2], 7), t.full((2, 2), True), t.eye(2, 3), t.zeros([2, 3]).shape, t.ones((2, )).shape
t.zeros(3, dtype=int).dtype, t.zeros(2, dtype=float).dtype, t.ones(2, dtype=bool).dtype
x.to(int).dtype, x.to(t.float64).dtype, x.double().dtype, x.half().dtype, x.type(t.int32).dtype
x.type_as(t.ones(1).double()).dtype
x.int(), x.bool(), x.byte()
x.stride(), x.T.is_contiguous(), x.contiguous().data_ptr()==x.data_ptr()
x.nelement(), x.ndim, x.dim(), x.numel(), x.element_size(), x.nbytes, x.itemsize
x.is_cuda, x.requires_grad, x.grad, x.is_leaf, x.device.type, x.layout == t.strided
pickle.loads(pickle.dumps(x)), copy.deepcopy(x), copy.copy(x)
pickle.loads(pickle.dumps(t.nn.Linear(2, 2))).weight.shape
t.manual_seed(0).initial_seed(), t.initial_seed()
t.is_tensor(x), t.is_floating_point(x), t.numel(x), t.get_default_dtype()
t.broadcast_to(x, (2, 2, 3)).shape, t.broadcast_shapes((2, 1), (3, ))
[b.shape for b in t.broadcast_tensors(x, t.ones(1))]
t.split(x, 1), t.chunk(x, 3, 1), t.unbind(x), t.tensor_split(x, 2, dim=1), t.hsplit(x, 3)
t.vstack([x, x]).shape, t.hstack([x, x]).shape, t.dstack([x, x]).shape
t.gcd(t.tensor(12), t.tensor(18)), t.lcm(t.tensor(4), t.tensor(6)), t.hypot(t.tensor(3.), t.tensor(4.))
t.atan2(x, x+1), t.deg2rad(x), t.expm1(x), t.log1p(x), t.rsqrt(x+1), t.reciprocal(x+1), t.square(x), t.erf(x)
t.lgamma(x+1), t.digamma(x+1)
t.special.expit(x), t.special.logsumexp(x, 0), t.logsumexp(x, 1), t.logaddexp(x, x)
t.fft.fft(x).shape, t.fft.rfft(x[0]), t.fft.fftfreq(4), t.fft.fftshift(x)
t.std_mean(x), t.var_mean(x, 0), t.aminmax(x), t.count_nonzero(x), t.amax(x, (0, 1))
t.argsort(x, descending=True), t.msort(x), t.take(x, t.tensor([0, 4])), t.take_along_dim(x, t.tensor([[0], [1]]), 1)
t.block_diag(x, x).shape, t.cartesian_prod(t.tensor([1, 2]), t.tensor([3])), t.combinations(t.tensor([1, 2, 3]))
t.vander(t.tensor([1, 2, 3])), t.kron(t.eye(2), x).shape
t.cdist(x, x), t.dist(x, x+1), t.pdist(x) if hasattr(t, 'pdist') else 0
t.isin(t.tensor([1, 2, 3]), t.tensor([2])), t.isclose(x, x), t.ge(x, 1), t.maximum(x, x*2), t.fmod(x, 2)
t.remainder(x, -2)
t.tensor([1, 2, 3]).tolist(), t.tensor(1.5).tolist(), t.tensor([[True]]).tolist()
t.ones(2, 2).addmm_(x[:, :2], x[:, :2]), t.addmv(t.ones(2), x, t.ones(3))
t.baddbmm(t.ones(1, 2, 2), t.ones(1, 2, 3), t.ones(1, 3, 2))
t.triu_indices(3, 3, 1), t.tril_indices(2, 2), t.tril(x), t.diag(t.tensor([1, 2])), t.diagonal(x)
t.diag_embed(x).shape
t.nn.functional.cross_entropy(x, t.tensor([0, 1])), t.nn.functional.mse_loss(x, x+1)
t.nn.functional.binary_cross_entropy_with_logits(x, (x>1).float())
t.Generator().manual_seed(1).initial_seed(), t.rand(1, generator=t.Generator().manual_seed(1)).shape
t.no_grad()(lambda: (x*1).requires_grad)(), t.is_grad_enabled(), t.inference_mode()(lambda: 1)()
t.nn.Parameter(t.ones(2)).requires_grad, isinstance(t.nn.Parameter(t.ones(2)), t.Tensor)
type(t.nn.Parameter(t.ones(2)).data) is t.Tensor
t.tensor(3.)._version, t.ones(2).untyped_storage().nbytes()
x.unfold(1, 2, 1), x.select(1, 0), x.narrow(1, 0, 2), x.index_select(0, t.tensor([1])), x.movedim(0, 1).shape
x.swapaxes(0, 1).shape
t.float32 == x.dtype, x.dtype in (t.float32, t.float64), {t.float32: 1}[x.dtype], str(x.dtype).split('.')[-1]
t.Tensor([1, 2]).dtype, t.Tensor(2, 3).shape, t.LongTensor([1]).dtype, isinstance(x, t.FloatTensor)
t.tensor([1, 2, 3])[[True, False, True]]
t.tensor([[1, 2], [3, 4]])[[0, 1], :]
x[0] @ x[1], x @ x.T, x.T @ x, t.matmul(x, x[0]), x.mm(x.t()), x.mv(x[0]), x[0].dot(x[1])
(x+0).copy_(t.ones(3)), (x+0).fill_diagonal_(9), (x+0).clamp_(1), (x+0).uniform_(0, 1).shape, (x+0).normal_().shape
setitem(x, 0, 5)
setitem(x, (slice(None), 0), t.tensor([7.0, 8.0]))
setitem(x, x > 2, 0)
setitem(x, ([0, 1], [0, 1]), -1)
setitem(x, (Ellipsis, 0), t.tensor([1, 2]))
setitem(x, slice(0, 1), x[1:2])
setitem(x, (range(2), range(2)), 9.0)
[t.tensor([t.tensor(v), w]).dtype for v in (1, 1.0, True) for w in (1, 2.5, False)]
t.tensor([[t.tensor(1)], [2.5]]), t.tensor([np.float32(1), 2.5]), t.tensor([np.float64(1), 2])
x.to(float).dtype, t.zeros(1, dtype=complex).dtype
t.tensor([t.tensor(1j), 1]), t.tensor([t.tensor(1.0).half(), 2]), t.tensor([t.tensor(1.0).bfloat16(), 1]).float()
t.tensor([t.ones(2)[0], t.ones(2).sum()], requires_grad=True).requires_grad
""".strip().splitlines()


def parts(x):
    first, second = x
    return first.sum().item() + second.sum().item()


def setitem(x, key, value):
    y = x.clone()
    y[key] = value
    return y


def evaluated(line, t):
    names = {"t": t, "x": t.arange(6.0).view(2, 3), "np": np, "math": math, "copy": copy, "pickle": pickle,
             "parts": parts, "setitem": setitem}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(line, names)


def same(ours, theirs):
    if isinstance(theirs, torch.Tensor):
        a, b = ours.detach(), theirs.detach().resolve_conj()
        assert str(a.dtype) == str(b.dtype).removeprefix("torch.") and tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5)
    elif isinstance(theirs, torch.dtype):
        assert str(ours) == str(theirs).removeprefix("torch.")
    elif isinstance(theirs, torch.Size):
        assert isinstance(ours, rustorch.Size) and tuple(ours) == tuple(theirs)
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            same(a, b)
    elif isinstance(theirs, np.ndarray):
        np.testing.assert_allclose(ours, theirs)
    elif isinstance(theirs, float):
        assert isinstance(ours, float) and ours == pytest.approx(theirs, abs=1e-4)
    else:
        assert ours == theirs


@pytest.mark.parametrize("line", LINES)
def test_line(line):
    same(evaluated(line, rustorch), evaluated(line, torch))
