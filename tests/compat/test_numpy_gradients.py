"""Gradients through NumPy's functions, by finite differences: for np.f(tensor) and for rustorch.numpy.f."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

import rustorch
import rustorch.numpy
from tests.compat.numpy_calls import split

X = numpy.array([0.55, 1.27, 1.93, 0.71, 1.46])
M = numpy.array([[0.5, 1.5, -1.0], [2.0, 0.25, 0.75], [-0.5, 1.1, 3.0]])
CONSTANTS = {
    "d": numpy.array([1.5, 0.25, -2.0, 3.0, 0.5]),
    "p": numpy.array([0.1, 0.4, 0.5, 0.8, 1.3]),
    "w": numpy.array([[1.0, 0.5, 2.0], [0.25, 1.5, 0.5], [2.5, 0.75, 1.0]]),
    "b": numpy.array([True, False, True, True, False]),
    "i": numpy.array([3, 1, 2, 0, 4]),
    "nan": numpy.array([0.0, 0.0, numpy.nan, 0.0, 0.0]),
}

VECTOR = """
np.diff(x) np.diff(x,2) np.diff(x,prepend=x[0],append=3) np.ediff1d(x,to_end=x[:2],to_begin=1.0)
np.gradient(x) np.gradient(x,p) np.gradient(x,0.5,edge_order=2) np.gradient(d,x**2+p*3)
np.gradient(x,p,edge_order=2) np.interp(0.45,p,x) np.interp(x,p,d) np.interp(x*0.5,p*2,x)
np.interp([0.0,9.0],p,d,left=x[0],right=x[1]) np.interp(x,p,d,period=1.0) np.interp(0.45,x*0+p,d)
np.trapezoid(x) np.trapezoid(d,x) np.trapezoid(x,dx=0.5) np.convolve(x,d) np.convolve(d,x,'same')
np.convolve(x,[1.0,2.0],'valid') np.correlate(x,d,'full') np.correlate(d,x) np.correlate(x,[1.0,2.0],'same')
np.cross(x[:3],d[:3]) np.kron(x,d) np.kron(d,x) np.outer(x,d) np.inner(x,d) np.dot(x,d) np.vdot(x,d)
np.vander(x) np.vander(x,3,increasing=True) np.polyval(x,0.5) np.polyval(d,x) np.polyadd(x,[1,2])
np.polysub([1.0],x) np.polymul(x,d) np.polyder(x) np.polyint(x,2) np.polyfit(p,x,2) np.polyfit(x,d,2)
np.polyfit(p,x,1,w=d*d) np.unwrap(x*3) np.nansum(x+nan) np.nanmean(x+nan) np.nanvar(x+nan)
np.nanstd(x+nan,ddof=1) np.nanprod(x+nan) np.nanmax(x+nan) np.nanmin(x+nan) np.nancumsum(x+nan)
np.nancumprod(x+nan) np.cov(x) np.cov(x,d) np.cov(x,aweights=p) np.cov(x,fweights=[1,2,1,3,1])
np.corrcoef(x,d) np.average(x) np.average(x,weights=d*d) np.average(d,weights=x)
np.average(x,weights=p,returned=True)[0] np.cumsum(x) np.cumprod(x) np.cumulative_sum(x,include_initial=True)
np.cumulative_prod(x) np.select([x>1,x>0.6],[x*x,x]) np.piecewise(x,[x<1],[lambda v:v*v,lambda v:v+1])
np.choose([0,1,0,1,0],[x,d]) np.where(b,x,d) np.clip(x,0.6,1.4) np.clip(d,x*0.5,9) np.nan_to_num(x+nan)
np.real_if_close(x) np.angle(x+1j*d) np.sinc(x) np.i0(x) np.insert(x,1,9.0) np.insert(d,[1,3],x[:2])
np.insert(x,2,x[0]) np.delete(x,[0,2]) np.append(x,d) np.pad(x,2) np.pad(x,2,constant_values=x[0])
np.pad(x,2,'edge') np.pad(x,2,'reflect') np.pad(x,7,'reflect',reflect_type='odd')
np.pad(x,2,'symmetric',reflect_type='odd') np.pad(x,2,'wrap') np.pad(x,2,'linear_ramp',end_values=(1,2))
np.pad(x,2,'maximum') np.pad(x,2,'mean',stat_length=2) np.pad(x,1,'minimum') np.roll(x,2) np.flip(x)
np.tile(x,(2,2)) np.repeat(x,[0,1,2,1,3]) np.block([[x],[d]]) np.stack([x,d],1) np.hstack([x,d])
np.vstack([x,d]) np.dstack([x,d]) np.column_stack([x,d]) np.concatenate([x,d]) np.split(x,[2])[1]
np.array_split(x,2)[0] np.diag(x) np.diag(x,1) np.diagflat(x) np.tril(np.outer(x,d)) np.triu(np.outer(x,d),1)
np.linspace(x,d,3) np.linspace(0,x,4,endpoint=False) np.linspace(x[0],2,3,retstep=True)[1] np.logspace(x,d,3)
np.geomspace(x,3.0,4) np.geomspace(x,d*d,3,axis=1) np.meshgrid(x,d)[0]
np.broadcast_arrays(x,np.ones((2,1)))[0] np.compress(b,x) np.extract(b,x) np.take(x,[0,2,2])
np.take_along_axis(x,i,0) np.apply_along_axis(lambda v:v*v[0],0,x) np.vectorize(lambda v:v*v)(x)
np.vectorize(lambda v,g:v*g)(x,d) np.r_[x,1.0,d] np.r_[x[0],x] np.c_[x,d] np.sort(x) np.median(x)
np.percentile(x,30) np.quantile(x,[0.2,0.6]) np.max(x) np.min(x) np.ptp(x) np.std(x) np.var(x,ddof=1)
np.prod(x) np.mean(x) np.sum(x,where=b) np.mean(x,where=b) np.std(x,where=b)
np.var(x,mean=np.mean(x,keepdims=True)) np.sum(x,initial=2.0) np.modf(x)[0] np.divmod(x,0.7)[1] np.ldexp(x,i)
np.float_power(x,2.5) np.logaddexp(x,d) np.hypot(x,d) np.arctan2(x,d) np.add.reduce(x)
np.multiply.accumulate(x) np.add.outer(x,d) np.maximum.reduce(x) np.add.reduceat(x,[0,2,3])
np.logaddexp.reduce(x) np.subtract.reduce(x) np.maximum.accumulate(x) np.unique(x) np.resize(x,(2,4))
np.trim_zeros(x) np.atleast_2d(x) np.expand_dims(x,0) np.broadcast_to(x,(2,5)) np.copy(x) np.asarray(x)*2
np.nextafter(x,d) np.fmax(x,d) np.fmod(d,x) np.remainder(d,x) np.copysign(x,d) np.heaviside(d,x) np.square(x)
np.cbrt(x) np.float_power(x,d) np.vecdot(x,d) np.einsum('i,j->ij',x,d) np.einsum(x,[0],d,[0])
np.matvec(np.outer(d,d),x) np.poly(x) np.round(x)*x np.fabs(x) np.frexp(x)[0] np.spacing(x) np.real(x*1j)
np.conj(x*(1+2j)) np.digitize(d,p)*x np.searchsorted(p,d)*x np.trunc(x)+x np.linalg.norm(x)
"""

MATRIX = """
np.trace(x) np.trace(x,1) np.diagonal(x,1) np.diag(x) np.tensordot(x,w,1) np.tensordot(x,w,([0],[1]))
np.einsum('ij,jk->ik',x,w) np.einsum('ii',x) np.kron(x,w) np.cov(x) np.cov(x,rowvar=False) np.corrcoef(x)
np.gradient(x)[1] np.gradient(x,p[:3],axis=0) np.diff(x,axis=0) np.rot90(x) np.roll(x,1,axis=1) np.flip(x,0)
np.sort(x,axis=0) np.max(x,axis=0) np.sum(x,axis=(0,1),keepdims=True) np.mean(x,0,keepdims=True)
np.std(x,axis=1) np.average(x,axis=0,weights=[1.0,2.0,3.0]) np.percentile(x,30,axis=0) np.median(x,axis=1)
np.cross(x,w) np.apply_along_axis(np.sum,0,x) np.apply_along_axis(np.cumsum,1,x)
np.apply_over_axes(np.sum,x,[0]) np.take_along_axis(x,np.array([[0,1,1]]),0) np.insert(x,1,w[0],axis=1)
np.delete(x,1,axis=0) np.pad(x,((1,0),(0,2))) np.pad(x,1,'reflect') np.pad(x,1,'mean') np.block([[x,w],[w,x]])
np.trapezoid(x,axis=0) np.trapezoid(x,w,axis=1) np.cumsum(x,axis=1) np.cumprod(x,axis=0) np.tril(x)
np.triu(x,-1) np.transpose(x) np.moveaxis(x,0,1) np.swapaxes(x,0,1) np.matmul(x,w) np.matmul(w,x)
np.inner(x,w) np.outer(x,d) np.dot(x,w) np.vdot(x,w) np.repeat(x,2,axis=1) np.tile(x,2) np.vsplit(x,3)[1]
np.hsplit(x,3)[0] np.unstack(x)[2] np.linspace(x,w,3,axis=1) np.add.reduce(x,axis=1)
np.add.accumulate(x,axis=1) np.multiply.reduce(x,axis=0) np.minimum.reduce(x,axis=0) np.prod(x,axis=1)
np.nansum(x,axis=0) np.nanmean(x,axis=1) np.nanstd(x,axis=0) np.ptp(x,axis=0) np.reshape(x,(9,),order='F')
np.ravel(x,order='F') np.squeeze(x[None]) np.linalg.inv(x) np.logaddexp.reduce(x,axis=1) np.vecdot(x,w)
np.matrix_transpose(x) np.where(x>0,x,x*x) np.extract(x>0,x) np.compress([1,0,1],x,axis=1)
np.take(x,[0,2],axis=1) np.array([x,w]) np.array([[x[0,0],1.0],[2.0,x[1,1]]]) np.vander(x[0])
np.ravel(x[::-1]) np.unwrap(x,axis=0)
"""

WRITES = {
    "put_along_axis": "y=x*1.0; np.put_along_axis(y,np.array([1,2]),d[:2]*x[0],0)",
    "put": "y=x*1.0; np.put(y,[0,-1],x[1:3]*2)",
    "place": "y=x*1.0; np.place(y,b,x[:2])",
    "putmask": "y=x*1.0; np.putmask(y,b,x*x)",
    "copyto": "y=x*1.0; np.copyto(y,x*x,where=b)",
    "fill_diagonal": "y=np.outer(x,d); np.fill_diagonal(y,x*x)",
    "setitem": "y=x*1.0; y[1:3]=x[:2]*3",
}
CONSTANT = {"np.spacing(x)"}
REFUSED = {"np.poly(x)"}
# NumPy does not ask the Tensor here
ARRAYS_ONLY = {
    "np.interp([0.0,9.0],p,d,left=x[0],right=x[1])",
    "np.r_[x,1.0,d]",
    "np.r_[x[0],x]",
    "np.c_[x,d]",
    "np.asarray(x)*2",
    "np.vectorize(lambda v:v*v)(x)",
    "np.vectorize(lambda v,g:v*g)(x,d)",
    "np.array([x,w])",
    "np.array([[x[0,0],1.0],[2.0,x[1,1]]])",
}


def _names(np: Any, x: Any) -> dict[str, Any]:
    return {"np": np, "x": x, **{k: v.copy() for k, v in CONSTANTS.items()}}


def _value(text: str, np: Any, x: Any) -> Any:
    names = _names(np, x)
    if "y=" in text:
        exec(text, names)
        return names["y"]
    return eval(text, names)


def _weights(shape: tuple[int, ...]) -> Any:
    n = int(numpy.prod(shape))
    return (numpy.sin(numpy.arange(n) * 1.7) + 1.3).reshape(shape)


def _expected(text: str, x: Any) -> tuple[Any, Any]:
    value = numpy.asarray(_value(text, numpy, x.copy()))
    weights, step, gradient = _weights(value.shape), 1e-6, numpy.zeros_like(x)
    for at in numpy.ndindex(*x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[at] += sign * step
            ends.append(numpy.sum(weights * numpy.asarray(_value(text, numpy, moved)).real))
        gradient[at] = (ends[0] - ends[1]) / (2 * step)
    return value, gradient


def _check(text: str, np: Any, sample: Any) -> None:
    ours = np is rustorch.numpy
    value, gradient = _expected(text, sample)
    x = np.asarray(sample.copy()) if ours else rustorch.from_numpy(sample.copy())
    x.requires_grad_()
    if text in REFUSED:
        with pytest.raises(TypeError, match="no derivative"):
            _value(text, np, x)
        return
    result = _value(text, np, x)
    assert isinstance(result, rustorch.numpy.ndarray if ours else rustorch.Tensor)
    numpy.testing.assert_allclose(result.detach().numpy(), value, rtol=1e-9, atol=1e-12)
    assert result.requires_grad, "the gradient was lost"
    weights = rustorch.from_numpy(numpy.asarray(_weights(value.shape)))
    real = result.real if value.dtype.kind == "c" else result
    (real * weights).sum().backward()
    assert x.grad is not None
    numpy.testing.assert_allclose(x.grad.numpy(), gradient, rtol=1e-5, atol=1e-6)


def _cases(table: str) -> list[Any]:
    return [
        pytest.param(text, np, id=f"{name}-{text}")
        for text in split(table)
        for name, np in (("tensor", numpy), ("array", rustorch.numpy))
        if text not in CONSTANT and (np is not numpy or text not in ARRAYS_ONLY)
    ]


@pytest.mark.parametrize(("text", "np"), _cases(VECTOR))
def test_vector(text: str, np: Any) -> None:
    _check(text, np, X)


@pytest.mark.parametrize(("text", "np"), _cases(MATRIX))
def test_matrix(text: str, np: Any) -> None:
    _check(text, np, M)


@pytest.mark.parametrize("np", [numpy, rustorch.numpy], ids=["tensor", "array"])
@pytest.mark.parametrize("name", WRITES)
def test_write(name: str, np: Any) -> None:
    _check(WRITES[name], np, X)
