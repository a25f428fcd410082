"""rustorch.data under the name it has in PyTorch."""

import sys

from .. import data

sys.modules[__name__] = data
