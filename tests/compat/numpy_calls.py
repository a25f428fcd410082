"""Calls of NumPy's functions, as text.  They are evaluated with `np` NumPy, and rustorch.numpy, and NumPy on
Tensors; test_numpy_calls.py compares.  Names: a, d floats; m, w matrices; t three dimensions; i, k integers; u
uint8; s float32; b, mb bools; c complex; z with NaN; e empty; n a number without dimensions."""

from __future__ import annotations

import numpy

SAMPLES = {
    "a": numpy.array([0.5, -1.25, 2.0, 0.75, -0.5]),
    "d": numpy.array([1.5, 0.25, -2.0, 3.0, 0.5]),
    "p": numpy.array([0.1, 0.4, 0.5, 0.8, 1.3]),
    "m": numpy.array([[0.5, 1.5, -1.0], [2.0, 0.25, 0.75], [-0.5, 1.0, 3.0]]),
    "w": numpy.array([[1.0, 0.5, 2.0], [0.25, 1.5, 0.5], [2.5, 0.75, 1.0]]),
    "t": numpy.arange(24.0).reshape(2, 3, 4) / 7 - 1,
    "i": numpy.array([3, 1, 2, 0, 4]),
    "k": numpy.array([[3, 1, 2], [0, 5, 4]]),
    "u": numpy.array([3, 250, 2, 0, 4], "uint8"),
    "s": numpy.array([0.5, 1.25, -2.0, 0.75, 3.5], "float32"),
    "b": numpy.array([True, False, True, True, False]),
    "mb": numpy.array([[True, False, True], [False, False, True], [True, True, False]]),
    "c": numpy.array([0.5 + 1j, -1.25, 2j, 0.75 - 2j, 1.0]),
    "z": numpy.array([[0.5, numpy.nan, 2.0], [1.5, 0.25, numpy.nan]]),
    "e": numpy.array([]),
    "n": numpy.array(1.5),
}

REDUCTIONS = """
np.sum(m) np.sum(m,0) np.sum(m,axis=-1,keepdims=True) np.sum(t,axis=(0,2)) np.sum(i) np.sum(u) np.sum(b)
np.sum(s) np.sum(c) np.sum(m,dtype='f4') np.sum(i,dtype=float) np.sum(m,initial=3.0) np.sum(m,where=mb)
np.sum(m,0,where=mb,initial=1.0) np.sum(e) np.sum(n) np.sum(t,axis=()) np.sum(b,dtype='i2')
np.sum(u,axis=0,keepdims=True) np.sum(k,1) np.prod(m) np.prod(m,1) np.prod(i+1) np.prod(u) np.prod(c)
np.prod(m,where=mb) np.prod(e) np.prod(t,(0,1),keepdims=True) np.max(m) np.max(m,0) np.max(i) np.max(u)
np.max(b) np.max(m,axis=(0,1)) np.max(m,initial=9.0) np.max(m,0,where=mb,initial=-1.0) np.max(c) np.max(s)
np.max(z) np.min(m) np.min(m,1,keepdims=True) np.min(k,axis=0) np.min(z,axis=1) np.amax(m) np.amin(t,axis=2)
np.mean(m) np.mean(m,0) np.mean(i) np.mean(u) np.mean(b) np.mean(s) np.mean(c) np.mean(m,dtype='f4')
np.mean(m,where=mb) np.mean(t,axis=(0,1),keepdims=True) np.mean(k,axis=1) np.mean(n) np.std(m) np.std(m,0)
np.std(m,ddof=1) np.std(i) np.std(s) np.std(c) np.std(m,axis=1,keepdims=True) np.std(m,where=mb)
np.std(m,correction=1) np.std(m,0,mean=np.mean(m,0,keepdims=True)) np.std(t,axis=(1,2),ddof=2) np.std(u)
np.std(b) np.var(m) np.var(m,1) np.var(m,ddof=1,axis=0) np.var(c,ddof=1) np.var(i,dtype='f4')
np.var(m,where=mb) np.var(m,mean=np.mean(m)) np.ptp(m) np.ptp(m,0) np.ptp(i) np.ptp(m,axis=1,keepdims=True)
np.any(b) np.any(mb,0) np.any(m) np.any(mb,axis=(0,1),keepdims=True) np.any(mb,where=mb) np.any(e) np.all(b)
np.all(mb,1) np.all(i) np.all(e) np.all(mb,0,where=mb,keepdims=True) np.any(z,axis=0) np.argmax(m)
np.argmax(m,0) np.argmax(m,axis=1,keepdims=True) np.argmin(i) np.argmin(t,axis=2) np.argmax(b)
np.argmin(k,axis=0) np.argmax(c) np.argmax(z) np.nanargmax(z) np.nanargmin(z,axis=1) np.count_nonzero(m)
np.count_nonzero(k,axis=0) np.count_nonzero(b) np.count_nonzero(mb,axis=1,keepdims=True) np.cumsum(m)
np.cumsum(m,0) np.cumsum(i) np.cumsum(u) np.cumsum(b) np.cumsum(a,dtype='f4') np.cumsum(c)
np.cumprod(m,axis=1) np.cumprod(i+1) np.cumprod(s) np.cumulative_sum(a)
np.cumulative_sum(a,include_initial=True) np.cumulative_sum(m,axis=0,include_initial=True)
np.cumulative_prod(i+1) np.cumulative_prod(m,axis=1,include_initial=True)
np.cumulative_sum(k,axis=1,dtype=float) np.nansum(z) np.nansum(z,0) np.nansum(i)
np.nansum(z,axis=1,keepdims=True) np.nanprod(z) np.nanprod(z,axis=1) np.nanmean(z) np.nanmean(z,axis=0)
np.nanmean(i) np.nanstd(z) np.nanstd(z,axis=1) np.nanvar(z) np.nanvar(z,ddof=1) np.nanvar(z,axis=0)
np.nanmax(z) np.nanmax(z,axis=0) np.nanmin(z) np.nanmin(z,1,keepdims=True) np.nanmax(i) np.nancumsum(z)
np.nancumsum(z,1) np.nancumprod(z,axis=0) np.nancumsum(i) np.average(a) np.average(a,weights=p)
np.average(m,axis=0) np.average(m,axis=1,weights=p[:3]) np.average(a,weights=p,returned=True)
np.average(m,weights=w,axis=0,keepdims=True) np.average(i) np.average(t,axis=(0,1))
np.nansum(z,where=~np.isnan(z)) np.nanmedian(z) np.median(m) np.median(m,axis=0) np.median(i)
np.percentile(m,30) np.percentile(a,[10,50]) np.quantile(m,0.3,axis=1) np.nanpercentile(z,40)
np.nanquantile(z,0.4,axis=0) np.median(s) np.quantile(a,0.4,method='lower') np.trapezoid(a)
np.trapezoid(a,dx=0.5) np.trapezoid(a,p) np.trapezoid(m,axis=0) np.trapezoid(m,w,axis=1) np.trapezoid(i)
"""

ELEMENTS = """
np.where(b,a,d) np.where(b,a,0) np.where(b,1,d) np.where(i>1,i,0.5) np.where(mb,m,w[0]) np.where(b,i,u)
np.where(a,1,2) np.where(b,2,s) np.where(b,1.5,2) np.clip(a,-0.5,1) np.clip(a,None,1) np.clip(a,0,None)
np.clip(i,1,3) np.clip(i,0.5,2.5) np.clip(a,d,2) np.clip(u,2,200) np.clip(a,min=0) np.clip(a,max=0.5)
np.clip(a,min=0,max=1) np.clip(s,0,1) np.clip(m,w,w+1) np.clip(c,0,1) np.clip(a,1,-1) np.round(a)
np.round(a*3.14159,2) np.round(i,-1) np.round(i) np.round(a*123,-1) np.around(s*1.37,1) np.round(c*1.234,1)
np.fix(a) np.fix(i) np.round(b) np.round(u,-1) np.real(c) np.imag(c) np.real(a) np.imag(a) np.imag(i)
np.angle(c) np.angle(c,deg=True) np.angle(a) np.conj(c) np.conjugate(i) np.real_if_close(c)
np.real_if_close(a+0j) np.iscomplex(c) np.isreal(c) np.isreal(a) np.iscomplexobj(c) np.isrealobj(a) np.sinc(a)
np.sinc(i) np.sinc(s) np.i0(a) np.i0(i) np.nan_to_num(z) np.nan_to_num(z,nan=7.0) np.nan_to_num(a/0)
np.nan_to_num(a/0,posinf=9,neginf=-9) np.nan_to_num(i) np.nan_to_num(c/0) np.nan_to_num(s/0) np.isneginf(a/0)
np.isposinf(a/0) np.isclose(a,d) np.isclose(a,a+1e-9) np.isclose(z,z,equal_nan=True) np.isclose(i,i+1,atol=1)
np.allclose(a,a) np.allclose(a,d) np.allclose(z,z,equal_nan=True) np.array_equal(a,a) np.array_equal(a,d)
np.array_equal(z,z,equal_nan=True) np.array_equiv(a,[a,a]) np.array_equal(a,i) np.select([a>0,a<-1],[a,d])
np.select([a>0,a<-1],[a,1],9) np.select([i>2],[i]) np.piecewise(a,[a<0,a>=0],[-1,1])
np.piecewise(a,[a<0],[lambda v:v*2,lambda v:v+1]) np.choose([0,1,0,1,0],[a,d]) np.choose(i%2,[a,d])
np.choose([0,1,2,1,0],[a,d,9.0]) np.choose([0,5,0,1,0],[a,d],mode='wrap')
np.choose([0,5,-1,1,0],[a,d],mode='clip') np.diff(a) np.diff(a,2) np.diff(m,axis=0) np.diff(i) np.diff(b)
np.diff(u) np.diff(a,prepend=0) np.diff(a,append=[1,2]) np.diff(m,axis=1,prepend=w) np.diff(a,n=0)
np.diff(a,n=9) np.ediff1d(a) np.ediff1d(m) np.ediff1d(a,to_end=9) np.ediff1d(a,to_begin=[1,2],to_end=3.5)
np.ediff1d(i) np.gradient(a) np.gradient(a,0.5) np.gradient(a,p) np.gradient(m) np.gradient(m,axis=0)
np.gradient(m,0.5,2.0) np.gradient(a,edge_order=2) np.gradient(m,p[:3],0.5) np.gradient(i)
np.gradient(m,axis=(0,1)) np.gradient(a,p,edge_order=2) np.gradient(t,axis=1) np.gradient(s) np.unwrap(a*3)
np.unwrap(m*4,axis=0) np.unwrap(a*9,period=4) np.unwrap(i*5,period=4) np.unwrap(a*3,discont=2)
np.interp(0.45,p,a) np.interp(a,p,d) np.interp([0.2,0.6],p,a,left=-9) np.interp(a,p,d,right=3,left=2)
np.interp(a,p,d,period=1.0) np.interp(d,p,c) np.interp(i,p,i) np.convolve(a,d) np.convolve(a,[1,2,3],'same')
np.convolve(a,[1.0,0.5],'valid') np.convolve(i,i) np.convolve([1,2],a,mode='same') np.convolve(c,a)
np.correlate(a,d) np.correlate(a,[1,2,3],'full') np.correlate(a,[1.0,2.0],'same') np.correlate(c,c,'full')
np.correlate(i,[1,2]) np.polyval([1,2,3],a) np.polyval(a,0.5) np.polyval(p,m) np.polyval(i,i) np.vander(a)
np.vander(a,3) np.vander(i,3,increasing=True) np.polyfit(p,a,2) np.polyadd(a,[1,2]) np.polymul(a,[1,2])
np.polysub([1.0],a) np.polyder(a) np.polyder(a,2) np.polyint(a) np.polyint(a,2,k=[1,2])
np.polydiv(a,[1.0,2.0]) np.poly(a) np.roots([1.0,-3.0,2.0]) np.poly(m) np.modf(a) np.divmod(a,d)
np.divmod(i,3) np.frexp(a) np.ldexp(a,i) np.float_power(i,2) np.heaviside(a,0.5) np.signbit(a) np.spacing(a)
np.nextafter(a,d) np.logaddexp(a,d) np.copysign(a,d) np.gcd(i,6) np.lcm(i,6) np.hypot(a,d) np.exp(i)
np.sqrt(u) np.sin(b) np.add(i,s) np.add(i,2.5) np.multiply(u,2) np.true_divide(i,i+1) np.floor_divide(i,2)
np.power(i,2) np.power(a,2) np.square(i) np.negative(u) np.absolute(c) np.sign(a) np.reciprocal(p)
np.positive(a) np.invert(b) np.bitwise_and(i,3) np.left_shift(i,1) np.bitwise_count(u) np.logical_not(a)
np.logical_and(a,i) np.isnan(z) np.isfinite(z) np.isinf(a/0) np.maximum(a,d) np.fmax(z,1) np.fmin(z,1)
np.equal(a,d) np.less(i,a) np.greater_equal(a,0) np.not_equal(c,1) np.deg2rad(a) np.degrees(a) np.rad2deg(a)
np.radians(i) np.exp2(a) np.log1p(p) np.cbrt(a) np.arctan2(a,d) np.trunc(a) np.rint(a) np.floor(i) np.ceil(a)
np.fabs(a) np.fmod(a,d) np.remainder(a,d) np.mod(i,3) np.add(a,d,where=b,out=np.zeros(5))
np.multiply(a,d,dtype='f4') np.add(i,i,dtype=float) np.sqrt(p,out=np.zeros(5)) np.add(u,u,casting='safe')
np.subtract(a,d,out=None) np.add(a,m[:,:1]) np.add([1,2],[3,4]) np.add(1,2) np.multiply(2.0,3)
np.add.reduce(m) np.add.reduce(m,axis=1) np.add.reduce(m,axis=None) np.add.reduce(i) np.add.accumulate(a)
np.add.accumulate(m,axis=1) np.add.outer(a,d) np.multiply.outer(i,m) np.multiply.reduce(m,axis=(0,1))
np.maximum.reduce(m) np.maximum.accumulate(a) np.minimum.reduce(t,axis=2,keepdims=True)
np.logical_and.reduce(mb) np.logical_or.reduce(mb,axis=1) np.add.reduceat(a,[0,2,3])
np.add.reduceat(m,[0,2],axis=1) np.bitwise_or.reduce(i) np.subtract.reduce(a) np.subtract.outer(i,i)
np.hypot.reduce(p) np.logaddexp.reduce(a) np.multiply.accumulate(i+1) np.add.reduce(a,initial=10)
np.add.reduce(a,where=b) np.divide.accumulate(p) np.power.outer(i,[1,2]) np.bitwise_xor.accumulate(i)
np.maximum.outer(a,d) np.fmax.reduce(z,axis=1) np.gcd.reduce(i*4) np.matmul(m,w) np.matmul(m,a[:3])
np.matmul(t,np.ones((4,2))) np.matmul(i,i) np.vecdot(a,d) np.vecdot(m,w,axis=0) np.matvec(m,a[:3])
np.vecmat(a[:3],m) np.vecdot(c,c)
"""

SHAPES = """
np.reshape(m,(9,)) np.reshape(m,-1) np.reshape(t,(4,-1)) np.reshape(t,(6,4),order='F') np.reshape(i,(5,1))
np.reshape(m,9,copy=True) np.reshape(m,[3,3]) np.ravel(t) np.ravel(m,order='F') np.ravel(m.T,order='K')
np.ravel(m.T,order='A') np.ravel(n) np.transpose(t) np.transpose(t,(1,0,2)) np.transpose(m,[1,0])
np.transpose(t,axes=(2,1,0)) np.permute_dims(t,(2,0,1)) np.matrix_transpose(t) np.moveaxis(t,0,-1)
np.moveaxis(t,[0,1],[-1,0]) np.rollaxis(t,2) np.rollaxis(t,0,3) np.rollaxis(t,2,1) np.swapaxes(t,0,2)
np.squeeze(m[:1]) np.squeeze(m[:1],axis=0) np.squeeze(t[:1,:,:1],(0,2)) np.expand_dims(a,0)
np.expand_dims(a,(0,2)) np.expand_dims(a,axis=-1) np.expand_dims(m,[0,3]) np.broadcast_to(a,(2,5))
np.broadcast_to(n,(2,2)) np.broadcast_to(1.5,3) np.broadcast_arrays(a,m[:,:1]) np.broadcast_arrays(a,2)
np.broadcast_shapes((3,1),(1,4)) np.atleast_1d(n) np.atleast_1d(a,n) np.atleast_2d(a) np.atleast_2d(n,m)
np.atleast_3d(a) np.atleast_3d(m) np.atleast_3d(n) np.atleast_1d(3.0) np.flip(a) np.flip(m,0) np.flip(t,(0,2))
np.fliplr(m) np.flipud(m) np.rot90(m) np.rot90(m,2) np.rot90(t,-1,(1,2)) np.rot90(t,k=3,axes=(0,1))
np.roll(a,2) np.roll(m,1) np.roll(m,1,0) np.roll(m,(1,-1),(0,1)) np.roll(m,1,axis=(0,1)) np.roll(a,-7)
np.repeat(a,2) np.repeat(m,2,axis=0) np.repeat(a,[0,1,2,0,1]) np.repeat(m,[1,0,2],axis=1) np.repeat(n,3)
np.repeat(3,4) np.tile(a,2) np.tile(m,(2,1)) np.tile(a,(2,1,2)) np.tile(n,3) np.tile(m,2) np.tile(a,0)
np.meshgrid(a,d) np.meshgrid(a,d,indexing='ij') np.meshgrid(a,d,sparse=True) np.meshgrid(a,i,p) np.meshgrid(a)
np.meshgrid(a,d,copy=False) np.split(m,3) np.split(a,[1,3]) np.split(m,[1],axis=1) np.array_split(a,2)
np.array_split(a,3) np.array_split(m,2,axis=1) np.hsplit(m,3) np.hsplit(a,[2]) np.vsplit(m,3) np.dsplit(t,2)
np.split(a,[2,9]) np.split(a,[-2]) np.unstack(m) np.unstack(t,axis=1) np.shape(m) np.ndim(t) np.size(t)
np.size(t,1) np.shape([[1,2]]) np.ndim(3) np.size(t,(0,1)) np.concatenate([a,d]) np.concatenate((m,w),axis=1)
np.concatenate([m,w],axis=None) np.concatenate([a,i]) np.concatenate([i,s]) np.concatenate([i,u])
np.concatenate([b,i]) np.concatenate([a,d],dtype='f4') np.concatenate([a,c]) np.concat([a,d])
np.concatenate([a,[1,2]]) np.concatenate([a,d],out=np.zeros(10))
np.concatenate([a,d],dtype=int,casting='unsafe') np.concatenate(t) np.concatenate([m,w],-1) np.stack([a,d])
np.stack([a,d],axis=1) np.stack([m,w],axis=-1) np.stack([a,i]) np.stack((n,2.0)) np.stack([a,d],dtype='f4')
np.stack(m) np.hstack([a,d]) np.hstack([m,w]) np.hstack([n,1]) np.vstack([a,d]) np.vstack([m,w[0]])
np.dstack([a,d]) np.dstack([m,w]) np.column_stack([a,d]) np.column_stack([a,np.ones((5,2))])
np.hstack([a,d],dtype='f4') np.vstack([n,n]) np.vstack(m) np.block([a,d]) np.block([[m,w],[w,m]])
np.block([[m,np.zeros((3,1))],[np.ones((1,4))]]) np.block(m) np.block([1,2,a]) np.append(a,1)
np.append(a,[1,2]) np.append(m,w,axis=0) np.append(m,w) np.append(i,1.5) np.insert(a,1,9)
np.insert(a,[1,3],[8,9]) np.insert(m,1,5,axis=0) np.insert(m,1,a[:3],axis=1) np.insert(a,-1,7.0)
np.insert(a,[2,2],[7,8]) np.insert(i,1,2.7) np.insert(a,slice(1,3),9) np.insert(m,2,1)
np.insert(m,[0,2],w[:,:2],axis=1) np.insert(a,b,5) np.delete(a,1) np.delete(a,[0,2]) np.delete(m,1,axis=0)
np.delete(m,slice(0,2),axis=1) np.delete(m,4) np.delete(a,b) np.delete(a,-1) np.resize(a,(2,4)) np.resize(m,4)
np.resize(e,(2,2)) np.trim_zeros(np.array([0,0,1.5,0,2,0])) np.trim_zeros(np.array([0,1,0]),'f')
np.trim_zeros(m-m) np.pad(a,2) np.pad(a,(1,2)) np.pad(m,1) np.pad(m,((1,0),(0,2)))
np.pad(a,2,constant_values=9) np.pad(m,1,constant_values=((1,2),(3,4))) np.pad(a,2,'edge')
np.pad(a,2,'reflect') np.pad(a,7,'reflect') np.pad(a,2,'symmetric') np.pad(a,7,'wrap')
np.pad(a,2,mode='linear_ramp') np.pad(a,2,'linear_ramp',end_values=(5,-4)) np.pad(a,2,'maximum')
np.pad(a,2,'minimum',stat_length=2) np.pad(m,1,'mean') np.pad(a,2,'median') np.pad(a,2,'empty')[2:7]
np.pad(a,2,'reflect',reflect_type='odd') np.pad(a,2,'symmetric',reflect_type='odd') np.pad(i,1,'mean')
np.pad(a,{0:(1,2)}) np.pad(m,{-1:1}) np.pad(a,(2,),'edge') np.pad(m,[(1,2)],'wrap') np.tril(m) np.triu(m)
np.tril(m,1) np.triu(m,-1) np.tril(t) np.tril(k) np.tril(mb) np.triu(a) np.diag(a) np.diag(m) np.diag(m,1)
np.diag(a,-2) np.diag(i,1) np.diagflat(m[:2]) np.diagflat(a,1) np.diagonal(m) np.diagonal(t,1)
np.diagonal(t,0,1,2) np.diagonal(t,offset=-1,axis1=2,axis2=0) np.trace(m) np.trace(m,1) np.trace(t)
np.trace(k) np.trace(mb) np.trace(t,0,1,2) np.trace(m,dtype='f4') np.tri(3) np.tri(3,4,1) np.tri(3,dtype=int)
np.tril_indices(3) np.triu_indices(3,1) np.tril_indices_from(m) np.triu_indices_from(m,1) np.diag_indices(3)
np.diag_indices_from(m) np.mask_indices(3,np.triu) np.indices((2,3)) np.indices((2,3),sparse=True)
np.ix_([0,1],[2,0]) np.ix_(b[:3],[0,1]) np.unravel_index(5,(2,3)) np.unravel_index([1,4],(2,3))
np.ravel_multi_index(([0,1],[1,2]),(2,3)) np.unravel_index(np.argmax(m),m.shape)
"""

SELECTING = """
np.take(a,[0,2]) np.take(a,1) np.take(m,[0,2],axis=1) np.take(m,[[0,1],[2,3]]) np.take(a,[7,-9],mode='wrap')
np.take(a,[7,-9],mode='clip') np.take(m,i[:3]) np.take(t,1,axis=-1) np.take(m,[0,2],0) np.take(a,i)
np.take(a,-1) np.take([1,2,3],[0,2]) np.take_along_axis(m,np.argsort(m,axis=1),axis=1)
np.take_along_axis(m,np.array([[0],[2],[1]]),1) np.take_along_axis(a,i,0)
np.take_along_axis(m,np.array([1,5]),axis=None) np.take_along_axis(m,np.array([[0,-1,1]]),0) np.compress(b,a)
np.compress([0,1,1],m,axis=1) np.compress([1,0],m,0) np.compress(mb.ravel(),m) np.extract(a>0,a)
np.extract(mb,m) np.nonzero(a) np.nonzero(mb) np.flatnonzero(m) np.argwhere(mb) np.argwhere(a>0) np.nonzero(i)
np.argwhere(k>1) np.where(mb) np.where(a>0) np.sort(a) np.sort(m,axis=0) np.sort(m,axis=None) np.argsort(a)
np.argsort(m,axis=0) np.sort(i,kind='stable') np.sort(c) np.partition(a,2) np.argsort(a,kind='stable')
np.lexsort((i,p)) np.searchsorted(p,0.5) np.searchsorted(p,[0.1,0.45],side='right') np.unique(i)
np.unique(k%3,return_counts=True) np.unique(a,return_index=True,return_inverse=True) np.unique(m,axis=0)
np.digitize(a,p) np.bincount(i) np.bincount(i,weights=a) np.bincount(i,minlength=9) np.histogram(a,4)
np.histogram(a,bins=[-1,0,1,2]) np.histogram(a,3,density=True) np.histogram2d(a,d,3)
np.histogram_bin_edges(a,4) np.isin(i,[1,2]) np.isin(k,i) np.union1d(i,[7]) np.intersect1d(i,[1,9])
np.setdiff1d(i,[1]) np.setxor1d(i,[1,9]) np.intersect1d(i,[1,9],return_indices=True) np.sort(np.unique_values(i))
np.unique_counts(i) np.unique_all(i) np.unique_inverse(i) np.packbits(b) np.unpackbits(u) np.sort_complex(c)
np.array2string(a) np.array_str(a) np.apply_along_axis(np.sum,0,m) np.apply_along_axis(np.sort,1,m)
np.apply_along_axis(lambda v:v*2+v[0],0,m) np.apply_over_axes(np.sum,t,[0,2]) np.apply_along_axis(np.diff,1,t)
np.vectorize(lambda v:v*2)(a) np.vectorize(lambda v,g=1:v+g)(i,2) np.vectorize(lambda v:(v,v*2))(a)
np.vectorize(np.sum,signature='(n)->()')(m) np.vectorize(lambda v:v>1,otypes=[bool])(a)
"""

PRODUCTS = """
np.dot(a,d) np.dot(m,w) np.dot(m,a[:3]) np.dot(2,a) np.dot(i,i) np.dot(a,2.0) np.dot(c,c) np.dot(b,b)
np.dot(mb,mb) np.dot(m,w,out=np.zeros((3,3))) np.vdot(c,c) np.vdot(m,w) np.vdot(i,i) np.inner(a,d)
np.inner(m,w) np.inner(m,a[:3]) np.inner(2,a) np.inner(b,b) np.outer(a,d) np.outer(m,a[:2]) np.outer(i,s)
np.outer(b,b) np.tensordot(m,w) np.tensordot(m,w,1) np.tensordot(t,m,axes=([1],[0])) np.tensordot(a,d,0)
np.tensordot(m,w,axes=[[0,1],[1,0]]) np.tensordot(k,k,axes=([1],[1])) np.tensordot(mb,mb,1)
np.tensordot(t,t,axes=((0,2),(0,2))) np.kron(a,d) np.kron(m,w[:2,:2]) np.kron(m,a[:2]) np.kron(i,2)
np.kron(t,m) np.cross(a[:3],d[:3]) np.cross(m,w) np.cross(m,a[:3]) np.cross(m,w,axis=0)
np.cross(m,w,axisa=0,axisc=0) np.cross(i[:3],[1,2,3]) np.einsum('ij,jk',m,w) np.einsum('ii',m)
np.einsum('ij->ji',m) np.einsum('i,i',a,d) np.einsum('i,j->ij',a,d) np.einsum('ij,ij->i',m,w)
np.einsum('...j,j->...',m,a[:3]) np.einsum('ii->i',m) np.einsum('ijk->k',t) np.einsum(m,[0,1],w,[1,2])
np.einsum(m,[0,1],[1,0]) np.einsum('ij,jk,kl->il',m,w,m) np.einsum('i,i->',i,i) np.einsum('ij,j',k,i[:3])
np.einsum('ij->',mb) np.einsum('ij,jk->ik',m,w,optimize=True) np.einsum('ij,jk->ik',m,w,out=np.zeros((3,3)))
np.einsum('ij,jk->ik',s[:4].reshape(2,2),s[:4].reshape(2,2)) np.einsum('i->',c)
np.einsum(' i j , j k -> i k ',m,w) np.cov(a) np.cov(m) np.cov(a,d) np.cov(m,rowvar=False) np.cov(m,bias=True)
np.cov(m,ddof=0) np.cov(m,fweights=[1,2,3]) np.cov(m,aweights=[0.5,1.0,2.0]) np.cov(i) np.cov(c)
np.cov(m,dtype='f4') np.corrcoef(m) np.corrcoef(a,d) np.corrcoef(m,rowvar=False) np.corrcoef(a)
np.corrcoef(c,c[::-1]) np.linalg.norm(a) np.linalg.det(m) np.linalg.inv(m) np.linalg.solve(m,a[:3])
np.linalg.eigvalsh(m+m.T)
"""

CREATION = """
np.array([1,2,3]) np.array([1.5,2]) np.array([[1,2],[3,4]]) np.array([True,False]) np.array([1,True])
np.array([1,2.5,3j]) np.array([]) np.array([[]]) np.array(3) np.array(2.5) np.array([1,2],dtype=float)
np.array([1.7,2],dtype=int) np.array([1,2],'f4') np.array(a) np.array(a,dtype='f4') np.array(a,copy=False)
np.array(m,order='F') np.array(a,ndmin=2) np.array([1,2],ndmin=3) np.array((1,2)) np.array(range(4))
np.array([a,d]) np.array([a[0],2.0]) np.array([i,a]) np.array([[1,2],[3,4]],dtype=complex)
np.array(i,dtype=bool) np.array([n,n]) np.array([[n,1],[2,3]]) np.array(i,copy=True,ndmin=2,dtype='u1')
np.array([1,2**40]) np.array([-1,2],dtype='i1') np.array([2**63]) np.array([u[0],u[1]]) np.asarray(a)
np.asarray([1,2]) np.asarray(i,dtype=float) np.asarray(a,order='F') np.asanyarray(m) np.ascontiguousarray(m.T)
np.asfortranarray(m) np.ascontiguousarray(n) np.asarray_chkfinite(a) np.require(a,dtype='f4') np.copy(a)
np.copy(m.T,order='C') np.copy([1,2]) np.astype(a,int) np.astype(i,'f4') np.astype(a,'c16')
np.astype(i,float,copy=False) np.zeros(3) np.zeros((2,3)) np.zeros([2,2],dtype=int) np.zeros((),float)
np.zeros(2,'f4') np.zeros((2,2),order='F') np.zeros(shape=2) np.ones(3) np.ones((2,2),bool)
np.ones(2,dtype='c8') np.empty((0,3)) np.full(3,2.5) np.full((2,2),7) np.full(2,True) np.full(3,1,dtype=float)
np.full((2,3),[1,2,3]) np.full(2,a[:2]) np.full(2,1j) np.full((2,),np.inf) np.zeros_like(a)
np.zeros_like(i,dtype=float) np.ones_like(m) np.ones_like(i) np.full_like(a,3) np.full_like(i,2.7)
np.full_like(a,np.nan) np.zeros_like(m,shape=(2,)) np.ones_like([1,2]) np.zeros_like(3.0) np.full_like(a,d)
np.empty_like(a)*0 np.zeros_like(b) np.ones_like(u) np.arange(5) np.arange(2,7) np.arange(1,10,3)
np.arange(5,0,-1) np.arange(0,1,0.25) np.arange(3.0) np.arange(0.1,1.0,0.3) np.arange(5,dtype=float)
np.arange(0) np.arange(3,1) np.arange(4,dtype='u1') np.arange(start=1,stop=4) np.arange(2,stop=5)
np.arange(1,3,dtype='f4') np.arange(0,-1,-0.3) np.arange(n*2) np.linspace(0,1,5) np.linspace(0,1)
np.linspace(2,-3,7) np.linspace(0,1,4,endpoint=False) np.linspace(0,1,3,retstep=True)
np.linspace(0,10,5,dtype=int) np.linspace(0,1,1) np.linspace(0,1,0) np.linspace(a,d,3)
np.linspace(a,d,3,axis=1) np.linspace(0,1j,3) np.linspace(n,3,4) np.linspace(1,1,3)
np.linspace(0,a,3,endpoint=False,retstep=True) np.linspace(0,1,num=3) np.linspace(start=0,stop=1,num=3)
np.linspace(i,9,2) np.logspace(0,2,3) np.logspace(0,a,3) np.logspace(0,2,4,endpoint=False)
np.logspace(0,3,4,base=2.0) np.geomspace(1,8,4) np.geomspace(p,2,3) np.geomspace(1,-8,4)
np.geomspace(1,256,9,dtype=int) np.eye(3) np.eye(2,3) np.eye(3,k=1) np.eye(3,dtype=int) np.eye(3,4,-1)
np.identity(3) np.identity(2,dtype='f4') np.fromfunction(lambda r,q:r+q,(2,3))
np.fromfunction(lambda r:r*2,(3,),dtype=int) np.fromiter([1,2,3],float)
np.frombuffer(b'\\x01\\x02',dtype='u1') np.fromstring('1 2',sep=' ') np.mgrid[0:3,0:2] np.ogrid[0:3,0:2]
np.mgrid[0:1:3j] np.r_[a,1,2] np.r_[1:4,0.5] np.c_[a,d] np.r_['0,2',a,d] np.c_[i] np.bmat([[m,w]])
np.hanning(5) np.hamming(4) np.blackman(4) np.bartlett(4) np.kaiser(5,8.0) np.vander([1,2,3])
np.result_type(i,s) np.result_type(a,1) np.can_cast('i4','f8') np.promote_types('i4','f4')
np.min_scalar_type(10) np.common_type(a,s) np.isscalar(3.0) np.isscalar(a) np.iterable(a)
np.may_share_memory(a,d) np.shares_memory(a,a) np.iinfo(i.dtype).max np.issubdtype(a.dtype,np.floating)
np.mintypecode(['f','d']) np.base_repr(5) np.binary_repr(5) np.format_float_positional(1.5)
np.broadcast(a,m[:,:1]).shape np.typename('d') np.isdtype(a.dtype,'real floating') np.array(['x','yy'])
np.array([None,1]) np.array('2020-01-01','M8[D]') np.array([(1,2.0)],dtype=[('x',int),('y',float)])
np.char.upper(['a']) np.strings.upper(['a']) np.array([[1,2]],object).T np.concatenate([['a'],['b']])
np.unique(['b','a','b']) np.sort(['b','a']) np.where([True,False],['a','b'],'c')
np.arange('2020-01','2020-04',dtype='M8[M]') np.datetime64('2020-01-02')-np.datetime64('2020-01-01')
np.busday_count('2020-01-01','2020-02-01') np.sum(np.array([1,2],object)) np.zeros(2,'U3') np.full(2,'ab')
np.stack([['a'],['b']]) np.isin(['a'],['a','b']) np.repeat(['a'],2) np.add(np.array(['a']),np.array(['b']))
np.array([1,2],'longdouble').sum() np.ones(2,'g')*2
"""

TABLES = {
    "reductions": REDUCTIONS,
    "elements": ELEMENTS,
    "shapes": SHAPES,
    "selecting": SELECTING,
    "products": PRODUCTS,
    "creation": CREATION,
}


def split(text: str) -> list[str]:
    """The calls in a text: words, where no bracket or quote is open."""
    found, depth, quote, word = [], 0, "", ""
    for char in text + " ":
        if not quote and depth == 0 and char.isspace():
            if word:
                found.append(word)
            word = ""
            continue
        word += char
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        else:
            depth += (char in "([{") - (char in ")]}")
    return found


# Each is an error in NumPy.
WRONG = """
np.sum(m,axis=2) np.sum(m,axis=(0,0)) np.sum(m,axis='x') np.mean(a,axis=1) np.max(e) np.min(m,axis=-3)
np.argmax(e) np.argmax(m,axis=5) np.std(m,axis=1.5) np.prod(m,axis=9) np.cumsum(m,axis=2) np.ptp(e)
np.average(a,weights=m) np.average(a,weights=a[:2]) np.average(a,weights=a*0) np.sum(m,out=np.zeros(5))
np.nansum(m,axis=4) np.cumulative_sum(m) np.where(b,a) np.where(b,a,m) np.diff(a,-1)
np.diff(n) np.gradient(a[:1]) np.gradient(a,p,p) np.gradient(a,p[:2]) np.interp(a,p,d[:2]) np.convolve(m,m)
np.convolve(a,e) np.correlate(a,d,'nothing') np.convolve(a,d,mode='wide') np.select([b],[a,d])
np.select([],[]) np.piecewise(a,[b],[1,2,3]) np.choose([0,5,0,1,0],[a,d]) np.choose([0,1],[a,d],mode='x')
np.reshape(m,(2,2)) np.reshape(m,(-1,-1)) np.reshape(m,(2,-1)) np.reshape(m,(9,),order='Z')
np.transpose(m,(0,0)) np.transpose(m,(0,)) np.transpose(m,(0,3)) np.moveaxis(m,0,5) np.moveaxis(m,[0,1],[0])
np.moveaxis(m,[0,0],[0,1]) np.swapaxes(m,0,2) np.squeeze(m,0) np.expand_dims(a,3) np.expand_dims(a,(0,0))
np.broadcast_to(a,(3,)) np.broadcast_arrays(a,m) np.flip(a,1) np.rot90(a) np.rot90(m,axes=(0,0))
np.roll(a,1,axis=2) np.repeat(a,[1,2]) np.repeat(a,-1) np.repeat(a,2,axis=1) np.tile(a,-1) np.split(a,2)
np.split(a,0) np.array_split(a,0) np.hsplit(n,1) np.vsplit(a,1) np.dsplit(m,1) np.unstack(n)
np.concatenate([]) np.concatenate([a,m]) np.concatenate([m,w[:,:2]]) np.concatenate([n,n])
np.concatenate([m,w],axis=2) np.stack([a,p[:2]]) np.stack([]) np.stack([a,d],axis=3) np.hstack([a,m])
np.vstack([a,m]) np.column_stack([a,m]) np.block([a,m]) np.append(m,a,axis=0) np.insert(a,9,1)
np.insert(m,1,a,axis=0) np.delete(a,9) np.delete(m,1,axis=3) np.pad(a,-1) np.pad(a,1,'other') np.pad(a,1.5)
np.pad(a,(1,2,3)) np.pad(a,1,'edge',constant_values=2) np.pad(e,1,'edge') np.diag(t) np.diagonal(a)
np.trace(a) np.diagonal(m,0,0,0) np.take(a,9) np.take(m,0,axis=3) np.take(a,0,mode='x')
np.take_along_axis(m,i,0) np.take_along_axis(m,np.array([[9]]),1) np.compress(b,m,axis=0) np.dot(a,m)
np.dot(m,w[:2]) np.matmul(a,m) np.matmul(n,m) np.inner(a,m) np.tensordot(m,a,1)
np.tensordot(m,w,axes=([0],[0,1])) np.einsum('ij,jk',m,a) np.einsum('i',m) np.einsum('ij->k',m)
np.einsum('ij,jk',m) np.cross(a,a) np.vdot(a,m) np.kron(a,None) np.trapezoid(a,m) np.vander(m)
np.polyfit(a,d,-1) np.polyfit(a,d[:2],1) np.polyder(a,-1) np.zeros(-1) np.zeros((2,-1)) np.zeros('x')
np.zeros(1.5) np.ones(2,dtype='nothing') np.full((2,),[1,2,3]) np.arange() np.arange(0,1,0)
np.linspace(0,1,-1) np.linspace(0,1,2.5) np.logspace(0,1,-1) np.geomspace(0,1,3) np.eye(-1) np.eye('a')
np.identity(-2) np.array([[1,2],[3]]) np.array([a,m]) np.array(a,dtype='f4',copy=False)
np.asarray([1,2],copy=False) np.array(a,ndmin=2,dtype='nothing') np.meshgrid(a,d,indexing='x')
np.full_like(a,[1,2,3]) np.add(a,m) np.add(a) np.add(a,d,a,d) np.add(a,None) np.sqrt() np.bitwise_and(a,1)
np.invert(a) np.left_shift(a,1) np.add(u,300) np.add(u,-1) np.power(i,-1) np.negative(b) np.subtract(b,b)
np.add(a,d,out=np.zeros(2)) np.add(a,d,out=np.zeros(5,int)) np.add(a,d,where=a) np.add(a,d,nothing=1)
np.sin(a,dtype=int) np.add(a,d,casting='none') np.add.reduce(m,axis=5) np.add.reduceat(a,[9])
np.add.accumulate(n) np.divmod.reduce(a) np.sin.reduce(a) np.add.outer(a) np.maximum.reduce(e) np.isclose(a,m)
np.array_split(n,2) np.astype(a,'nothing') np.copyto(a,m) np.copyto(i,a) np.put(a,[9],1) np.place(a,b[:2],1)
np.fill_diagonal(a,1) np.put_along_axis(m,i,1,0) np.apply_along_axis(np.sum,3,m) np.unravel_index(9,(2,3))
np.ravel_multi_index(([5],[1]),(2,3)) np.cov(t) np.cov(a,ddof=0.5) np.percentile(a,120) np.quantile(a,2)
np.bincount([-1]) np.digitize(a,[1,0,2]) np.histogram(a,0) np.searchsorted(m,1)
"""
