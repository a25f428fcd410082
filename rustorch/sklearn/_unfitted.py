"""An estimator that is not fitted yet, as a module that can be fitted."""

from __future__ import annotations

from typing import Any, Self

from .. import _C, nn
from ._fitted import METHODS

Tensor = _C.Tensor


class Unfitted(nn.Module):
    """Fits a scikit-learn estimator and is, from then on, its module.

    `estimator_` is the fitted estimator, `module` what `from_sklearn` made of it; both are None before `fit`.
    """

    def __init__(self, estimator: Any) -> None:
        super().__init__()
        self.estimator = estimator
        self.estimator_: Any = None
        self.module: Any = None

    def fit(self, X: Any, y: Any = None, **options: Any) -> Self:
        """Fits a copy of the estimator on samples X (samples, features), arrays or Tensors, and converts it."""
        from sklearn.base import clone

        from ._conversion import convert

        if self.estimator is None:
            raise RuntimeError("fit: a transformer that was loaded from a file has no estimator to fit")
        fitted = clone(self.estimator).fit(_detached(X), *(() if y is None else (_detached(y),)), **options)
        self.module = convert(fitted)
        self.estimator_ = fitted
        return self

    def fit_transform(self, X: Any, y: Any = None, **options: Any) -> Any:
        """Fits, then transforms the same samples."""
        return self.fit(X, y, **options).transform(X)

    def _fitted(self) -> Any:
        if self.module is None:
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(f"this {type(self.estimator).__name__} is not fitted yet: call fit first")
        return self.module

    def forward(self, x: Any) -> Any:
        """What the fitted estimator's module gives."""
        return self._fitted()(x)

    def __getattr__(self, name: str) -> Any:
        if name in METHODS and (self.estimator is None or hasattr(self.estimator, name)):
            return getattr(self._fitted(), name)
        return super().__getattr__(name)

    def describe(self) -> dict[str, Any]:
        """For files: they hold the module, not the estimator."""
        self._fitted()
        return {}

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> Unfitted:
        """The counterpart of describe; what is loaded cannot be fitted again."""
        return cls(None)

    def extra_repr(self) -> str:
        """The estimator."""
        return repr(self.estimator)


def _detached(x: Any) -> Any:
    return x.detach() if isinstance(x, Tensor) else x
