"""Probability distributions with PyTorch's names: samples, log probabilities, entropies, divergences, transforms.

>>> import rustorch as rt
>>> from rustorch.distributions import Categorical
>>> m = Categorical(logits=rt.zeros(4))
>>> action = m.sample()
>>> round((-m.log_prob(action)).item(), 4), round(m.entropy().item(), 4)
(1.3863, 1.3863)
"""

import sys

from . import composed, constraints, continuous, discrete, kl, normal, transforms
from .composed import Independent, LogisticNormal, LogNormal, MixtureSameFamily, TransformedDistribution
from .continuous import (
    Beta,
    Cauchy,
    Chi2,
    Dirichlet,
    Exponential,
    FisherSnedecor,
    Gamma,
    Gumbel,
    HalfCauchy,
    InverseGamma,
    Kumaraswamy,
    Laplace,
    Pareto,
    StudentT,
    Uniform,
    Weibull,
)
from .discrete import (
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    Multinomial,
    NegativeBinomial,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    Poisson,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
)
from .distribution import Distribution, ExponentialFamily
from .kl import kl_divergence, register_kl
from .normal import HalfNormal, LowRankMultivariateNormal, MultivariateNormal, Normal
from .transforms import (
    AbsTransform,
    AffineTransform,
    ComposeTransform,
    CumulativeDistributionTransform,
    ExpTransform,
    IndependentTransform,
    LowerCholeskyTransform,
    PowerTransform,
    ReshapeTransform,
    SigmoidTransform,
    SoftmaxTransform,
    SoftplusTransform,
    StickBreakingTransform,
    TanhTransform,
    Transform,
    biject_to,
    identity_transform,
    transform_to,
)

__all__ = [
    "AbsTransform", "AffineTransform", "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2",
    "ComposeTransform", "CumulativeDistributionTransform", "Dirichlet", "Distribution", "ExpTransform", "Exponential",
    "ExponentialFamily", "FisherSnedecor", "Gamma", "Geometric", "Gumbel", "HalfCauchy", "HalfNormal", "Independent",
    "IndependentTransform", "InverseGamma", "Kumaraswamy", "Laplace", "LogNormal", "LogisticNormal",
    "LowRankMultivariateNormal", "LowerCholeskyTransform", "MixtureSameFamily", "Multinomial", "MultivariateNormal",
    "NegativeBinomial", "Normal", "OneHotCategorical", "OneHotCategoricalStraightThrough", "Pareto", "Poisson",
    "PowerTransform", "RelaxedBernoulli", "RelaxedOneHotCategorical", "ReshapeTransform", "SigmoidTransform",
    "SoftmaxTransform", "SoftplusTransform", "StickBreakingTransform", "StudentT", "TanhTransform", "Transform",
    "TransformedDistribution", "Uniform", "Weibull", "biject_to", "constraints", "identity_transform", "kl",
    "kl_divergence", "register_kl", "transform_to", "transforms",
]  # fmt: skip

# PyTorch has a module for each of them
_MODULES = {
    composed: ["independent", "log_normal", "logistic_normal", "mixture_same_family", "transformed_distribution"],
    continuous: [
        "beta", "cauchy", "chi2", "dirichlet", "exponential", "fishersnedecor", "gamma", "gumbel", "half_cauchy",
        "inverse_gamma", "kumaraswamy", "laplace", "pareto", "studentT", "uniform", "weibull",
    ],
    discrete: [
        "bernoulli", "binomial", "categorical", "geometric", "multinomial", "negative_binomial", "one_hot_categorical",
        "poisson", "relaxed_bernoulli", "relaxed_categorical",
    ],
    normal: ["half_normal", "lowrank_multivariate_normal", "multivariate_normal"],
}  # fmt: skip
for _module, _names in _MODULES.items():
    for _name in _names:
        sys.modules[f"{__name__}.{_name}"] = _module
        globals()[_name] = _module
