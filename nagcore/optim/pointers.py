"""The addresses of lists of tensors, checked.

A loop over raw memory would read and write out of bounds if one tensor were not what it takes it
for. `Gatherer` finds the addresses and checks every tensor at every step, in C++
(`gather.cpp`), since a call into torch for each tensor and question would take longer than the
step of a small network.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from nagcore.optim.compiler import kernels_are_wanted, load_library

_FUNCTIONS = (
    *("get_device_type", "get_device_index", "get_layout", "get_dtype", "get_numel"),
    *("get_data_ptr", "is_contiguous", "get_dim", "get_sizes", "get_strides"),
)
"""What gather.cpp asks torch's interface for C, in the order of its struct."""
_Words = cache(ctypes.c_int64.__mul__)


class Gatherer:
    """Addresses of tensors of one type on one device.

    Args:
        library: gather.cpp, connected to torch.
        dtype: of the tensors.
        device: of the tensors.

    Example:
        >>> gatherer = find_gatherer(torch.float32, torch.device("cpu"))
        >>> x, grad = torch.zeros(3, 2), torch.ones(3, 2)
        >>> if gatherer:
        ...     addresses, counts = gatherer([[x], [grad]])
        ...     assert list(addresses) == [x.data_ptr(), grad.data_ptr()] and list(counts) == [6]
        ...     assert gatherer([[x], [grad.t()]]) is None
    """

    def __init__(self, library: ctypes.CDLL, dtype: torch.dtype, device: torch.device) -> None:
        self._gather = library.gather
        shim = _shim()
        kind = str(dtype).removeprefix("torch.")
        # asking a CUDA tensor for its element would wait for the device
        item = f"aoti_torch_item_{kind}" if device.type == "cpu" else None
        self._expected = (ctypes.c_int64 * 6)(
            getattr(shim, f"aoti_torch_device_type_{device.type}")(),
            -1 if device.index is None else device.index,
            shim.aoti_torch_layout_strided(),
            getattr(shim, f"aoti_torch_dtype_{kind}")(),
            dtype.itemsize,
            _address(getattr(shim, item)) if item else 0,
        )

    def __call__(
        self, columns: Sequence[Sequence[Tensor]]
    ) -> tuple[ctypes.Array[ctypes.c_int64], ctypes.Array[ctypes.c_int64]] | None:
        """Return addresses and numbers of elements, or None where a tensor does not fit.

        Args:
            columns: for each role, one tensor of each parameter.

        Returns:
            The addresses, role by role, and for each parameter the number of elements. None if a
            tensor has gaps in memory, is sparse, is on another device or of another type, or if
            the tensors of one parameter have other numbers of elements or another order.
        """
        roles, tensors = len(columns), len(columns[0])
        addresses, counts = _Words(roles * tensors)(), _Words(tensors)()
        addresses[:] = [tensor._cdata for column in columns for tensor in column]  # pyright: ignore[reportAttributeAccessIssue]
        if not self._gather(self._expected, roles, tensors, addresses, counts):
            return None
        return addresses, counts


def find_gatherer(dtype: torch.dtype, device: torch.device) -> Gatherer | None:
    """Return what gathers addresses of such tensors, or None where it cannot be compiled.

    Args:
        dtype: a type of real floating-point numbers.
        device: of the tensors.
    """
    return _gatherer(dtype, device) if kernels_are_wanted() else None


@cache
def _gatherer(dtype: torch.dtype, device: torch.device) -> Gatherer | None:
    library = _library()
    return library and Gatherer(library, dtype, device)


@cache
def _library() -> ctypes.CDLL | None:
    library = load_library(Path(__file__).with_name("gather.cpp").read_text(encoding="utf-8"))
    try:
        functions = [_address(getattr(_shim(), f"aoti_torch_{name}")) for name in _FUNCTIONS]
    except AttributeError:  # a build of torch without it
        return None
    if library:
        library.connect((ctypes.c_void_p * len(functions))(*functions))
    return library


@cache
def _shim() -> ctypes.CDLL:
    """Return torch's interface for C; it is loaded already."""
    return ctypes.CDLL(torch._C.__file__)


def _address(function: ctypes._CFuncPtr) -> int:  # pyright: ignore[reportAttributeAccessIssue]
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def mark_changed(columns: Sequence[Sequence[Tensor]], changing: Sequence[int]) -> None:
    """Let autograd know which tensors were written to.

    It tells by their version, as after any operation of torch in place, if what it kept for the
    way back was overwritten.

    Args:
        columns: for each role, one tensor of each parameter.
        changing: numbers of the roles that were written to.
    """
    for role in changing:
        column = columns[role]
        if column[0].requires_grad or column[0]._is_view():
            increment_version(column)
