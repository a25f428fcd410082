"""Shapes, views, indices, creation and conversion: PyTorch's own functions and methods are the judge, also
of in-place forms, `out=`, keywords and the order of elements in memory."""
import numpy as np
import pytest
import torch

import rustorch as rt

rng = np.random.default_rng(7)
X = rng.standard_normal((3, 4, 5)).astype("float32")
M = rng.standard_normal((4, 4)).astype("float32")
V = rng.standard_normal(6).astype("float32")
INDEX = np.array([[0, 2, 1, 1], [2, 2, 0, 1]])


def same(ours, theirs):
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b)
        return
    if not isinstance(theirs, torch.Tensor):
        assert ours == theirs
        return
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    close = {"rtol": 2e-3, "atol": 1e-3} if theirs.dtype == torch.float16 else {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().resolve_conj().numpy(), **close)


def both(function, *arrays):
    """The same function of the same arrays by both libraries, compared; gradients too when arrays are floating."""
    results, inputs = [], []
    for lib in (rt, torch):
        given = [lib.tensor(a) for a in arrays]
        for t in given:
            if t.is_floating_point():
                t.requires_grad_()
        inputs.append(given)
        results.append(function(lib, *given))
    same(*results)
    ours, theirs = ([r] if not isinstance(r, (tuple, list)) else list(r) for r in results)
    wanted = [k for k, t in enumerate(theirs) if isinstance(t, torch.Tensor) and t.requires_grad]
    if not wanted:
        return
    sum((theirs[k] * theirs[k]).sum() for k in wanted).backward()
    sum((ours[k] * ours[k]).sum() for k in wanted).backward()
    for a, b in zip(*inputs, strict=True):
        if b.grad is not None:
            same(a.grad, b.grad)


FUNCTIONS = {
    "atleast_3d": lambda lib, x: lib.atleast_3d(x[0, 0, 0], x[0, 0], x[0], x),
    "atleast_2d list": lambda lib, x: lib.atleast_2d([x[0, 0, 0], x[0, 0]]),
    "block_diag": lambda lib, x: lib.block_diag(x[0], x[0, 0], x[0, 0, 0]),
    "broadcast_tensors": lambda lib, x: lib.broadcast_tensors(x[0], x[:, :1]),
    "cartesian_prod": lambda lib, x: lib.cartesian_prod(x[0, 0], x[0, 1], x[0, 2]),
    "chunk": lambda lib, x: lib.chunk(input=x, chunks=3, dim=-1),
    "chunk empty": lambda lib, x: x[:0].chunk(3),
    "column_stack": lambda lib, x: lib.column_stack((x[0, :, 0], x[0])),
    "combinations": lambda lib, x: lib.combinations(x[0, 0], 3),
    "combinations of pairs": lambda lib, x: lib.combinations(x[0, 0], with_replacement=True),
    "constant_pad_nd": lambda lib, x: lib.constant_pad_nd(x, (1, -2, 0, 3), 2.5),
    "diagflat": lambda lib, x: lib.diagflat(x[0], -1),
    "diagonal_copy": lambda lib, x: lib.diagonal_copy(x, 1, 0, 2),
    "diagonal_scatter": lambda lib, x: lib.diagonal_scatter(x[0], x[1, 0, :3], 2),
    "dsplit": lambda lib, x: lib.dsplit(x, [1, 3]),
    "expand_copy": lambda lib, x: lib.expand_copy(x[:, :1], (3, 6, 5)),
    "fill": lambda lib, x: lib.fill(x, x[0, 0, 0]),
    "fliplr": lambda lib, x: lib.fliplr(x),
    "hsplit": lambda lib, x: x.hsplit(2),
    "index_fill repeated": lambda lib, x: x.index_fill(1, lib.tensor([1, 1, 3]), x[0, 0, 0].detach() * 2),
    "kron": lambda lib, x: lib.kron(x[0], x[1, :2]),
    "kron of ranks": lambda lib, x: lib.kron(x[0, 0], x[1, :2]),
    "mH": lambda lib, x: x.mH,
    "mT": lambda lib, x: x.mT,
    "meshgrid ij": lambda lib, x: lib.meshgrid(x[0, 0], x[0, :, 0], indexing="ij"),
    "meshgrid xy": lambda lib, x: lib.meshgrid(x[0, 0], x[0, 0, 0], x[0, :, 0], indexing="xy"),
    "narrow by tensor": lambda lib, x: lib.narrow(x, 1, lib.tensor(1), 2),
    "pad circular cut": lambda lib, x: lib.nn.functional.pad(x, (-1, 2, 3, -1), "circular"),
    "pad reflect": lambda lib, x: lib.nn.functional.pad(x, (2, 1), mode="reflect"),
    "permute_copy": lambda lib, x: lib.permute_copy(x, (2, 0, 1)),
    "pixel_shuffle": lambda lib, x: lib.nn.functional.pixel_shuffle(x.reshape(1, 12, 5, 1), 2),
    "pixel_unshuffle": lambda lib, x: lib.nn.functional.pixel_unshuffle(x.reshape(1, 10, 6), 2),
    "channel_shuffle": lambda lib, x: lib.nn.functional.channel_shuffle(x.reshape(1, 12, 5), 3),
    "put": lambda lib, x: lib.put(x, lib.tensor([0, -1, 7]), x[0, 0, :3] * 2),
    "put accumulated": lambda lib, x: x.put(lib.tensor([0, 7, 7]), x[0, 0, :3] * 2, accumulate=True),
    "repeat_interleave": lambda lib, x: x.repeat_interleave(lib.tensor([1, 0, 2]), 0, output_size=3),
    "rot90": lambda lib, x: [lib.rot90(x, k, (2, 0)) for k in range(-1, 4)],
    "select_scatter": lambda lib, x: lib.select_scatter(x, x[0] * 2, 0, -1),
    "slice_scatter": lambda lib, x: lib.slice_scatter(x, x[:, 1:3] * 2, 1, 0, 4, 2),
    "split": lambda lib, x: x.split(split_size=3, dim=2),
    "split_with_sizes": lambda lib, x: lib.split_with_sizes(x, [1, 3], 1),
    "squeeze_copy": lambda lib, x: lib.squeeze_copy(x[:1], 0),
    "sum_to_size": lambda lib, x: x.sum_to_size(4, 1),
    "t": lambda lib, x: [x[0].t(), lib.t(x[0, 0])],
    "take_along_dim": lambda lib, x: lib.take_along_dim(x, lib.tensor([[[0, 3]]]), 2),
    "tensor_split": lambda lib, x: [*lib.tensor_split(x, 4, 2), *lib.tensor_split(x, (1, -1), dim=2)],
    "tensor_split by tensor": lambda lib, x: lib.tensor_split(x, lib.tensor([1, 3]), dim=2),
    "tril": lambda lib, x: [lib.tril(x, -1), x.triu(1)],
    "unbind_copy": lambda lib, x: lib.unbind_copy(x, 1),
    "unfold_copy": lambda lib, x: lib.unfold_copy(x, 2, 3, 2),
    "vander": lambda lib, x: [lib.vander(x[0, 0].detach()), lib.vander(x[0, 0].detach(), 3, increasing=True)],
    "view_copy": lambda lib, x: lib.view_copy(x, (5, 12)),
    "where by keyword": lambda lib, x: lib.where(condition=x > 0, input=x, other=-x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    both(FUNCTIONS[name], X)


@pytest.mark.parametrize("include", (True, False))
@pytest.mark.parametrize("how", ("sum", "prod", "mean", "amax", "amin"))
@pytest.mark.parametrize("dtype", ("float32", "float64", "int64", "uint8", "float16"))
def test_scatter_reduce(how, include, dtype):
    x, source = (10 * np.abs(rng.standard_normal((3, 4)))).astype(dtype), (9 * np.abs(M[:2])).astype(dtype)
    source[0, 1] = source[1, 1] = 0

    def run(lib, a, b):
        return lib.scatter_reduce(a, 0, lib.tensor(INDEX), b, how, include_self=include)

    if dtype.startswith("float") and dtype != "float16":
        both(run, x, source)
    else:
        same(run(rt, rt.tensor(x), rt.tensor(source)), run(torch, torch.tensor(x), torch.tensor(source)))


@pytest.mark.parametrize("how", ("prod", "mean", "amax", "amin"))
@pytest.mark.parametrize("include", (True, False))
def test_index_reduce(how, include):
    both(lambda lib, x, s: lib.index_reduce(x, 1, lib.tensor([0, 2, 2]), s, how, include_self=include),
         X, rng.standard_normal((3, 3, 5)).astype("float32"))


@pytest.mark.parametrize("reduce", (None, "add", "multiply"))
@pytest.mark.parametrize("source", ("tensor", "value"))
def test_scatter(reduce, source):
    def run(lib):
        x = lib.tensor(X[0])
        src = {"src": lib.tensor(M)} if source == "tensor" else {"value": 2.5}
        return x.scatter_(0, lib.tensor(INDEX), **src, **({"reduce": reduce} if reduce else {}))

    same(run(rt), run(torch))


IN_PLACE = {
    "fill_": lambda lib, x: x.fill_(3),
    "zero_": lambda lib, x: lib.zero_(x),
    "index_put_": lambda lib, x: x.index_put_(
        (x[:, 0, 0] > -9, lib.tensor([0, 0, 2])), lib.tensor(2.0), accumulate=True),
    "index_put_ of a slice": lambda lib, x: x.index_put_((lib.tensor([0, 0, 2]),), x[0].clone()),
    "index_add_": lambda lib, x: x.index_add_(0, lib.tensor([0, 0]), x[1:].clone(), alpha=2),
    "index_copy_": lambda lib, x: x.index_copy_(0, lib.tensor([0]), x[1:2].clone()),
    "index_fill_": lambda lib, x: x.index_fill_(0, lib.tensor([0]), 9),
    "index_reduce_": lambda lib, x: x.index_reduce_(0, lib.tensor([0, 0]), x[1:].clone(), "amax"),
    "masked_fill_": lambda lib, x: x.masked_fill_(x > 0, -1),
    "masked_scatter_": lambda lib, x: x.masked_scatter_(x > 0, lib.arange(60.0)),
    "put_": lambda lib, x: x.put_(lib.tensor([1, 1]), lib.tensor([2.0, 3.0]), accumulate=True),
    "scatter_add_": lambda lib, x: x.scatter_add_(1, lib.tensor([[[0, 1]]]), lib.tensor([[[5.0, 6.0]]])),
    "scatter_reduce_": lambda lib, x: x.scatter_reduce_(1, lib.tensor([[[0, 0]]]), lib.tensor([[[5.0, 6.0]]]), "prod"),
    "tril_": lambda lib, x: x.tril_(),
    "transpose_": lambda lib, x: x.transpose_(0, 2),
    "squeeze_": lambda lib, x: x.unsqueeze_(1).squeeze_(1),
    "t_": lambda lib, x: x[0].t_(),
    "resize_": lambda lib, x: x.resize_(2, 6),
    "resize_as_": lambda lib, x: lib.resize_as_(x, lib.zeros(5, 2)),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name):
    function = IN_PLACE[name]
    same(function(rt, rt.tensor(X)), function(torch, torch.tensor(X)))


@pytest.mark.parametrize("name", [n for n in IN_PLACE if "resize" not in n])
def test_in_place_inside_a_graph(name):
    both(lambda lib, x: IN_PLACE[name](lib, x * 1), X)


CREATED = {
    "arange": lambda lib: [lib.arange(2.5), lib.arange(1, 2.5, 0.5), lib.arange(5, 0, -2),
                           lib.arange(1.9, 5.1, dtype=lib.int64)],
    "linspace": lambda lib: [lib.linspace(4.3, -3, 50, dtype=lib.int64), lib.linspace(lib.tensor(1), 2, 3),
                             lib.linspace(0, 1, 0)],
    "linspace complex": lambda lib: lib.linspace(1j, 2 + 3j, 5),
    "logspace": lambda lib: [lib.logspace(-1, 2, 7), lib.logspace(0, 3, 4, base=2),
                             lib.logspace(0, 3, 4, dtype=lib.int64)],
    "scalar_tensor": lambda lib: [lib.scalar_tensor(3), lib.scalar_tensor(3, dtype=lib.int64)],
    "tril_indices": lambda lib: [lib.tril_indices(3, 4, -1), lib.triu_indices(4, 3, 1, dtype=lib.int32)],
    "new": lambda lib: [lib.zeros(2, dtype=lib.int16).new_ones(3), lib.zeros(2).new_full((2, 2), 7),
                        lib.zeros(1).new_tensor([1, 2])],
    "like": lambda lib: [lib.zeros_like(input=lib.ones(2, 3)), lib.full_like(lib.ones(2), fill_value=3)],
    "out": lambda lib: [lib.zeros(2, 3, out=lib.empty(0)), lib.arange(3, out=lib.empty(3, dtype=lib.int64))],
    "unravel_index": lambda lib: lib.unravel_index(lib.tensor([[5, 11], [0, 3]]), (3, 4)),
    "broadcast_shapes": lambda lib: tuple(lib.broadcast_shapes((2, 1), 3, (1,))),
}


@pytest.mark.parametrize("name", CREATED)
def test_created(name):
    same(CREATED[name](rt), CREATED[name](torch))


FORMATS = ("contiguous_format", "preserve_format", "channels_last")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("order", ((0, 1, 2, 3), (0, 2, 3, 1), (3, 1, 0, 2)))
def test_memory_formats(form, order):
    base = rng.standard_normal((2, 3, 4, 5)).astype("float32")

    def run(lib):
        x, f = lib.tensor(base).permute(order), getattr(lib, form)
        made = [x.clone(memory_format=f), x.to(lib.float64, memory_format=f), x.to(memory_format=f, copy=True),
                x.double(memory_format=f), lib.zeros_like(x, memory_format=f), x.to(memory_format=f)]
        if form != "preserve_format":
            made.append(x.contiguous(memory_format=f))
        facts = [t.stride() for t in made] + [t.is_contiguous(memory_format=lib.channels_last) for t in made]
        return made, facts

    (ours, facts), (theirs, expected) = run(rt), run(torch)
    same(ours, theirs)
    assert facts == expected


def test_layout_names():
    x = rt.empty_strided((2, 3), (1, 2))
    assert x.stride() == (1, 2) and x.layout == rt.strided and x.layout != rt.sparse_coo
    assert repr(rt.channels_last) == "rustorch.channels_last"
    assert x.new_empty_strided((2, 2), (4, 1), dtype=rt.int8).stride() == (4, 1)


@pytest.mark.parametrize("dtype", ("int32", "uint8", "float64", "int16", "float16"))
def test_view_of_another_dtype(dtype):
    x = np.arange(24, dtype="float32").reshape(3, 8)
    same(rt.tensor(x).view(getattr(rt, dtype)), torch.tensor(x).view(getattr(torch, dtype)))


@pytest.mark.parametrize("call", (
    lambda lib, x: x.to("cpu"), lambda lib, x: x.to(lib.int64, True),
    lambda lib, x: x.to("cpu", lib.float16, False, True),
    lambda lib, x: x.to(lib.zeros(1, dtype=lib.float64)), lambda lib, x: x.to(device="cpu", dtype=lib.uint8),
    lambda lib, x: x.byte(), lambda lib, x: x.char(), lambda lib, x: x.cdouble(), lambda lib, x: x.bool(),
))
def test_conversions(call):
    x = np.array([[1.0, 2.0], [3.0, 0.0]], "float32")
    same(call(rt, rt.tensor(x)), call(torch, torch.tensor(x)))


def test_conversion_to_the_same_is_itself():
    x = rt.ones(2, 3)
    assert x.to(rt.float32) is x and x.to("cpu") is x and x.float() is x and x.to(x) is x
    assert x.to(rt.float32, copy=True) is not x and x.contiguous() is x


def test_an_empty_out_is_resized():
    x, out = rt.tensor(X), rt.empty(0)
    assert rt.add(x, x, out=out) is out and tuple(out.shape) == X.shape
    for call in (lambda o: rt.tril(x, out=o), lambda o: rt.gather(x, 0, rt.zeros_like(x, dtype=rt.int64), out=o),
                 lambda o: rt.cat([x], out=o), lambda o: rt.kron(x, x, out=o),
                 lambda o: rt.masked_select(x, x > 0, out=o)):
        out = rt.empty(0)
        assert call(out) is out and out.numel()
    with pytest.raises(rt.ShapeMismatchError):
        rt.tril(x, out=rt.empty(2, 0))


@pytest.mark.parametrize("draw, mean, deviation", (
    (lambda t: t.exponential_(2.0), 0.5, 0.5), (lambda t: t.geometric_(0.25), 4.0, 12 ** 0.5),
    (lambda t: t.log_normal_(0.0, 0.5), np.exp(0.125), np.exp(0.125) * (np.exp(0.25) - 1) ** 0.5),
))
def test_draws_have_their_moments(draw, mean, deviation):
    rt.manual_seed(3)
    n = 40000
    x = draw(rt.empty(n)).double()
    assert abs(float(x.mean()) - mean) < 5 * deviation / n ** 0.5
    rt.manual_seed(3)
    assert rt.equal(draw(rt.empty(n)), x.float())


def test_cauchy_has_its_quartiles():
    rt.manual_seed(5)
    x = np.sort(rt.empty(40000).cauchy_(1.0, 2.0).numpy())
    assert np.allclose(x[[10000, 20000, 30000]], [-1, 1, 3], atol=0.15)


def test_embedding_options():
    weight, index = rng.standard_normal((5, 3)).astype("float32"), np.array([[1, 1, 4], [0, 1, 4]])

    def run(lib, w):
        f = lib.nn.functional.embedding
        limited = w.detach().clone()
        scaled = f(lib.tensor(index), w, padding_idx=-1, scale_grad_by_freq=True)
        return scaled, f(lib.tensor(index), limited, max_norm=0.5), limited

    both(run, weight)


@pytest.mark.parametrize("call", (
    lambda x, w: x.mul_(w), lambda x, w: x.div_(w), lambda x, w: x.sin_(), lambda x, w: x.pow_(2),
    lambda x, w: x.addcmul_(w, w), lambda x, w: x[1:].mul_(w[1:]),
))
def test_what_an_in_place_op_needs_of_its_input_is_kept(call):
    def run(lib):
        x = lib.tensor(M, dtype=lib.float64, requires_grad=True)
        w = lib.tensor(M + 3, dtype=lib.float64, requires_grad=True)
        y = x * x
        call(y, w)
        g = lib.autograd.grad((y ** 2).sum(), (x, w), create_graph=True, allow_unused=True)
        g = [v for v in g if v is not None]
        return g, lib.autograd.grad(sum((v ** 2).sum() for v in g), x)

    same(run(rt), run(torch))


def test_graphs_through_writes_of_views():
    """Second derivatives through a write into a view, and through a view made before its base was written."""
    def run(lib, values):
        x = lib.tensor(values, dtype=lib.float64, requires_grad=True)
        y = x * x
        before = y[:, 1]
        y[1, :] = x[0] ** 3
        y.t()[0, :2].add_(x[2, 2])
        z = (y ** 2).sum() + (before ** 3).sum()
        (g,) = lib.autograd.grad(z, x, create_graph=True)
        (h,) = lib.autograd.grad((g ** 2).sum(), x)
        return g, h

    same(run(rt, M), run(torch, M))


WRONG = {
    "split sizes": lambda lib, x: x.split([1, 1]),
    "split of nothing": lambda lib, x: lib.split(x[0, 0, 0], 1),
    "chunk": lambda lib, x: x.chunk(0),
    "hsplit": lambda lib, x: lib.hsplit(x, 3),
    "sum_to_size": lambda lib, x: x.sum_to_size(2, 5),
    "meshgrid dtypes": lambda lib, x: lib.meshgrid(x[0, 0], lib.tensor([1]), indexing="ij"),
    "meshgrid indexing": lambda lib, x: lib.meshgrid(x[0, 0], indexing="yx"),
    "select_scatter": lambda lib, x: lib.select_scatter(x, x, 0, 0),
    "diagonal_scatter": lambda lib, x: lib.diagonal_scatter(x, x[0, 0]),
    "put": lambda lib, x: x.put(lib.tensor([0, 1]), lib.tensor([1.0])),
    "put outside": lambda lib, x: x.put(lib.tensor([60]), lib.tensor([1.0])),
    "scatter_reduce word": lambda lib, x: lib.scatter_reduce(x, 0, lib.zeros(1, 1, 1, dtype=lib.int64), x, "median"),
    "scatter dtypes": lambda lib, x: x.scatter(0, lib.zeros(1, 1, 1, dtype=lib.int64), x.double()),
    "scatter index": lambda lib, x: x.scatter(0, lib.full((1, 1, 1), 3, dtype=lib.int64), x),
    "index_reduce length": lambda lib, x: x.index_reduce(0, lib.tensor([0]), x, "prod"),
    "gather out": lambda lib, x: lib.gather(x, 0, lib.zeros(1, 1, 1, dtype=lib.int64), out=x),
    "take_along_dim": lambda lib, x: lib.take_along_dim(x, lib.tensor([0]), 0),
    "masked_fill": lambda lib, x: x.masked_fill(x > 0, lib.tensor([1.0])),
    "masked_fill complex": lambda lib, x: x.masked_fill(x > 0, 1j),
    "unravel_index": lambda lib, x: lib.unravel_index(lib.tensor([1.0]), (3, 4)),
    "t": lambda lib, x: x.t(),
    "H": lambda lib, x: x.H,
    "rot90": lambda lib, x: lib.rot90(x, 1, (0, 0)),
    "vander": lambda lib, x: lib.vander(x),
    "arange away": lambda lib, x: lib.arange(0, 3, -1),
    "zeros": lambda lib, x: lib.zeros(-1),
    "channels_last": lambda lib, x: x.contiguous(memory_format=lib.channels_last),
    "resize_ with history": lambda lib, x: (x * 1).requires_grad_().resize_(2),
    "view of a wider dtype": lambda lib, x: x.view(lib.float64),
    "transpose_ of a leaf": lambda lib, x: x.clone().requires_grad_().transpose_(0, 1),
    "exponential_": lambda lib, x: x.clone().exponential_(-1),
    "geometric_": lambda lib, x: x.clone().geometric_(1.5),
    "to": lambda lib, x: x.to("nowhere"),
    "pixel_shuffle": lambda lib, x: lib.nn.functional.pixel_shuffle(x, 2),
    "embedding": lambda lib, x: lib.nn.functional.embedding(lib.tensor([4]), x[0]),
    "pad": lambda lib, x: lib.nn.functional.pad(x, (5, 0), "reflect"),
    "block_diag": lambda lib, x: lib.block_diag(x),
    "combinations": lambda lib, x: lib.combinations(x),
    "inference": lambda lib, x: made_in_inference(lib).requires_grad_(),
}


def made_in_inference(lib):
    with lib.inference_mode():
        return lib.ones(2)


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input(name):
    kinds = (RuntimeError, ValueError, TypeError, IndexError)
    with pytest.raises(kinds):
        WRONG[name](torch, torch.tensor(X))
    x = rt.tensor(X)
    with pytest.raises(kinds):
        WRONG[name](rt, x)
    assert rt.equal(x, rt.tensor(X))


@pytest.mark.parametrize("call", (
    lambda x, i, out: rt.scatter(x, 0, i, 5.0, out=out), lambda x, i, out: rt.scatter_add(x, 0, i, x, out=out),
    lambda x, i, out: rt.index_add(x, 0, i[0], x[:2], out=out),
    lambda x, i, out: rt.scatter_reduce(x, 0, i, x, "amax", out=out),
    lambda x, i, out: rt.index_copy(x, 0, i[0], x[:2], out=out),
))
def test_out_is_not_written_before_indices_are_checked(call):
    x, out = rt.ones(3, 2), rt.zeros(3, 2)
    with pytest.raises(IndexError):
        call(x, rt.tensor([[0, 3]]), out)
    assert rt.equal(out, rt.zeros(3, 2))


def test_creation_names_itself():
    for call in (lambda: rt.zeros(-1), lambda: rt.ones(2, -1), lambda: rt.full((-1,), 1), lambda: rt.empty(-2)):
        with pytest.raises(RuntimeError, match=r"^(zeros|ones|full|empty): "):
            call()


@pytest.mark.parametrize("dtype", ("uint8", "int16", "float32", "float64", "complex128"))
@pytest.mark.parametrize("shape", ((40, 70), (9, 33, 40), (300, 300)))
def test_copies_of_every_order(dtype, shape):
    """Packed, backwards, strided, repeated and transposed rows, in tiles and rests of tiles."""
    x = (100 * rng.standard_normal(shape)).astype(dtype)
    for order in ((0, 1, 2)[:x.ndim], (2, 1, 0)[-x.ndim:], (1, 0, 2)[:x.ndim]):
        for step in (1, -1, 2, -3):
            view = x.transpose(order)[..., ::step]
            ours = rt.from_numpy(view)
            assert np.array_equal(rt.clone(ours).numpy(), view)
            assert np.array_equal(ours.contiguous().numpy(), view)
            out = np.zeros(tuple(2 * n for n in view.shape), dtype)[tuple(slice(None, None, 2) for _ in shape)]
            rt.from_numpy(out).copy_(ours)
            assert np.array_equal(out, view)
    assert np.array_equal(rt.from_numpy(x)[:1].expand(shape).contiguous().numpy(), np.broadcast_to(x[:1], shape))


FACTS = {
    "finfo": lambda lib: [getattr(lib.finfo(d), f)
                          for d in (lib.float16, lib.bfloat16, lib.float32, lib.float64, lib.complex64)
                          for f in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype")],
    "finfo of the default": lambda lib: lib.finfo().bits,
    "iinfo": lambda lib: [getattr(lib.iinfo(d), f) for d in (lib.uint8, lib.int8, lib.int16, lib.int64)
                          for f in ("bits", "max", "min", "dtype")],
    "can_cast": lambda lib: [lib.can_cast(a, b) for a in (lib.bool, lib.int8, lib.float32, lib.complex64)
                             for b in (lib.bool, lib.uint8, lib.float16, lib.complex128)],
    "result_type": lambda lib: [str(lib.result_type(a, b)).removeprefix("torch.") for a, b in (
        (lib.ones(2, dtype=lib.int8), 2), (lib.ones(2, dtype=lib.int8), lib.ones(2, dtype=lib.float16)), (1, 2.5),
        (lib.ones(2), 1j))],
    "kinds": lambda lib: [[lib.is_complex(t), t.is_signed(), lib.is_same_size(t, lib.ones(2)), t.is_conj(), t.is_neg(),
                           t.get_device(), t.is_cpu]
                          for t in (lib.ones(2), lib.ones(3, dtype=lib.uint8), lib.ones(2, dtype=lib.complex64))],
    "is_nonzero": lambda lib: [lib.is_nonzero(lib.tensor([2])), lib.tensor(0.0).is_nonzero()],
}


@pytest.mark.parametrize("name", FACTS)
def test_facts(name):
    assert FACTS[name](rt) == FACTS[name](torch)


@pytest.mark.parametrize("shape, wrap", (
    ((3, 4), False), ((7, 3), False), ((7, 3), True), ((9, 2), True), ((3, 3, 3), False)))
def test_fill_diagonal(shape, wrap):
    same(rt.zeros(shape).fill_diagonal_(5, wrap), torch.zeros(shape).fill_diagonal_(5, wrap))


def test_frombuffer():
    data = bytearray(np.arange(6, dtype="int16").tobytes())
    x = rt.frombuffer(data, dtype=rt.int16, count=2, offset=4)
    assert x.tolist() == [2, 3]
    x[0] = 9
    assert data[4] == 9
    assert rt.frombuffer(bytes(data), dtype=rt.int16).readonly
    for wrong in ({"count": 7}, {"offset": 12}, {"offset": 1}, {"count": 0}):
        with pytest.raises(ValueError):
            rt.frombuffer(data, **{"dtype": rt.int16, **wrong})


def test_a_size_stays_one():
    ours, theirs = rt.ones(2, 3).shape, torch.ones(2, 3).shape
    for f in (lambda s: s + (1,), lambda s: (1,) + s, lambda s: s[:1], lambda s: s[::-1], lambda s: s * 2,
              lambda s: 2 * s, lambda s: s + s, lambda s: s[5:]):
        assert isinstance(f(ours), rt.Size) and tuple(f(ours)) == tuple(f(theirs))
        assert repr(f(ours)) == repr(tuple(f(theirs)))     # as NumPy prints a shape
    assert ours == (2, 3) and hash(ours) == hash((2, 3)) and ours[-1] == 3 and ours.numel() == 6
    assert isinstance(rt.broadcast_shapes((2, 1), (3,)), rt.Size)
    with pytest.raises(TypeError):
        ours + [1]
    with pytest.raises(IndexError):
        ours[2]
