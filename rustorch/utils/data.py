"""rustorch.data under the names it has in PyTorch, its modules, too."""

import sys

from .. import data
from ..data import collate, dataset, loader, sampler

sys.modules[__name__] = data
for _name, _module in {
    "collate": collate, "dataloader": loader, "dataset": dataset, "distributed": sampler, "loader": loader,
    "sampler": sampler,
}.items():  # fmt: skip
    sys.modules[f"{__name__}.{_name}"] = _module
