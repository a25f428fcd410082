"""Saving and loading what a Module holds: `state_dict`, `load_state_dict`, in PyTorch's layout."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .._C import Tensor, as_tensor
from .._modes import no_grad
from ._hooks import RemovableHandle
from .parameter import Parameter, is_lazy

if TYPE_CHECKING:
    from .module import Module

EXTRA_STATE = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """What load_state_dict returns."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class _Loading:
    """The notes of one load_state_dict."""

    def __init__(self, state: Mapping[str, Any], assign: bool) -> None:
        self.state = OrderedDict(state)  # hooks may change it
        self.metadata: Mapping[str, Any] = getattr(state, "_metadata", None) or {}
        if hasattr(state, "_metadata"):
            self.state._metadata = state._metadata  # type: ignore[attr-defined]
        self.assign = assign
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.errors: list[str] = []


class State:
    """State of a module tree; part of Module."""

    _version: int = 1

    def get_extra_state(self) -> Any:
        """State beside tensors, saved under `_extra_state`; goes with set_extra_state."""
        raise NotImplementedError

    def set_extra_state(self, state: Any) -> None:
        """Takes back what get_extra_state gave."""
        raise NotImplementedError

    # ---- saving ----

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> OrderedDict[str, Any]:
        """Parameters and persistent buffers by dotted name: detached, on the same memory."""
        if args:  # PyTorch's old order
            given = dict(zip(("destination", "prefix", "keep_vars"), args, strict=False))
            return self.state_dict(**{"prefix": prefix, "keep_vars": keep_vars, **given})
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self.__dict__.get("_state_dict_pre_hooks", {}).values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        module: Module = self  # type: ignore[assignment]
        for name, child in module._modules.items():
            if child is not None:
                child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook, may_replace in self.__dict__.get("_state_dict_hooks", {}).values():
            changed = hook(self, destination, prefix, local_metadata)
            if may_replace:
                destination = destination if changed is None else changed
            elif changed is not None:
                raise RuntimeError("state_dict post-hook must return None")
        result: OrderedDict[str, Any] = destination
        return result

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        module: Module = self  # type: ignore[assignment]
        for name, parameter in module._parameters.items():
            if parameter is not None:
                destination[prefix + name] = parameter if keep_vars else parameter.detach()
        for name, buffer in module._buffers.items():
            if buffer is not None and name not in module._transient_names:
                destination[prefix + name] = buffer if keep_vars else buffer.detach()
        if type(self).get_extra_state is not State.get_extra_state:
            destination[prefix + EXTRA_STATE] = self.get_extra_state()

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls hook(module, state_dict, prefix, local_metadata) after saving."""
        return RemovableHandle(self.__dict__.setdefault("_state_dict_hooks", {}), (hook, False))

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The older form of register_state_dict_post_hook: what the hook returns replaces the dictionary."""
        return RemovableHandle(self.__dict__.setdefault("_state_dict_hooks", {}), (hook, True))

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls hook(module, prefix, keep_vars) before saving."""
        return RemovableHandle(self.__dict__.setdefault("_state_dict_pre_hooks", {}), hook)

    def save(self, f: Any) -> None:
        """Writes the module to a `.rustorch` file: architecture, parameters, buffers; rustorch.load reads it.

        f is a path, which is replaced only when all is written, or a file open for writing bytes.  Hooks are not
        saved; TypeError for modules with parametrizations.
        """
        from ..serialization import save

        save(self, f)

    def export_onnx(self, f: Any, *args: Any, **options: Any) -> None:
        """Writes the module as an ONNX model: args are the example, options those of rustorch.onnx.export."""
        from ..onnx import export

        module: Module = self  # type: ignore[assignment]
        export(module, args[0] if len(args) == 1 else args, f, **options)

    # ---- loading ----

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copies values into parameters and buffers of the same names.

        Values may be Tensors, arrays or PyTorch tensors.  RuntimeError lists missing and unexpected
        keys (when strict) and sizes that differ; `assign` puts the given tensors in the place of ours.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        loading = _Loading(state_dict, assign)
        with no_grad():
            self._load(loading, "")
        result = IncompatibleKeys(loading.missing, loading.unexpected)
        module: Module = self  # type: ignore[assignment]
        for part in module.modules():
            for hook in part.__dict__.get("_load_state_dict_post_hooks", {}).values():
                if hook(part, result) is not None:
                    raise AssertionError(
                        "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new"
                        " values, if incompatible_keys need to be modified, it should be done inplace."
                    )
        errors = loading.errors
        if strict:
            if loading.unexpected:
                errors.insert(0, f"Unexpected key(s) in state_dict: {_quoted(loading.unexpected)}. ")
            if loading.missing:
                errors.insert(0, f"Missing key(s) in state_dict: {_quoted(loading.missing)}. ")
        if errors:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(errors)
            )
        return result

    def _load(self, loading: _Loading, prefix: str) -> None:
        module: Module = self  # type: ignore[assignment]
        metadata = dict(loading.metadata.get(prefix[:-1], {}))
        if loading.assign:
            metadata["assign_to_params_buffers"] = True
        # what does not match is noted in any case; load_state_dict decides by `strict` whether it raises
        notes = (metadata, True, loading.missing, loading.unexpected, loading.errors)
        for hook, with_module in self.__dict__.get("_load_state_dict_pre_hooks", {}).values():
            hook(*((self,) if with_module else ()), loading.state, prefix, *notes)
        self._load_from_state_dict(loading.state, prefix, *notes)
        for name, child in module._modules.items():
            if child is not None:
                child._load(loading, f"{prefix}{name}.")

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, local_metadata: Mapping[str, Any], strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        """The entries of this module alone; layers with older layouts override it."""
        module: Module = self  # type: ignore[assignment]
        assign = bool(local_metadata.get("assign_to_params_buffers"))
        entries = {n: v for n, v in module._parameters.items() if v is not None}
        entries.update(
            (n, v) for n, v in module._buffers.items() if v is not None and n not in module._transient_names
        )
        for name, ours in entries.items():
            key = prefix + name
            if key in state_dict:
                self._load_entry(name, key, ours, state_dict[key], assign, error_msgs)
            elif strict:
                missing_keys.append(key)
        key = prefix + EXTRA_STATE
        has_extra = type(self).set_extra_state is not State.set_extra_state
        if has_extra and key in state_dict:
            self.set_extra_state(state_dict[key])
        elif has_extra and strict:
            missing_keys.append(key)
        if strict:
            for key in state_dict:
                if not key.startswith(prefix) or (key == prefix + EXTRA_STATE and has_extra):
                    continue
                head, dot, _ = key[len(prefix) :].partition(".")
                known = module._module_names if dot else entries
                if head not in known:
                    unexpected_keys.append(key)

    def _load_entry(
        self, name: str, key: str, ours: Tensor, value: Any, assign: bool, errors: list[str]
    ) -> None:
        if is_lazy(value) and is_lazy(ours):
            return
        if not isinstance(value, Tensor):
            try:
                value = as_tensor(value)
            except (TypeError, ValueError):
                errors.append(
                    f'While copying the parameter named "{key}", expected a Tensor or Tensor-like object from'
                    f" checkpoint but received {type(value)}"
                )
                return
        if tuple(value.shape) != tuple(ours.shape):
            if ours.ndim == 0 and tuple(value.shape) == (1,):
                value = value.reshape(())
            else:
                errors.append(
                    f"size mismatch for {key}: copying a param with shape {tuple(value.shape)} from"
                    f" checkpoint,"
                    f" the shape in current model is {tuple(ours.shape)}."
                )
                return
        if not assign:
            ours.copy_(value)
        elif name in self.__dict__["_parameter_names"]:
            given = value if isinstance(value, Parameter) else Parameter(value)
            setattr(self, name, given.requires_grad_(ours.requires_grad))
        else:
            setattr(self, name, value)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Before loading: hook(module, state_dict, prefix, metadata, strict, missing, unexpected, errors)."""
        return RemovableHandle(self.__dict__.setdefault("_load_state_dict_pre_hooks", {}), (hook, True))

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        """The older form of register_load_state_dict_pre_hook, by default without the module."""
        return RemovableHandle(self.__dict__.setdefault("_load_state_dict_pre_hooks", {}), (hook, with_module))

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls hook(module, incompatible_keys) after loading; it may edit the lists."""
        return RemovableHandle(self.__dict__.setdefault("_load_state_dict_post_hooks", {}), hook)


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
