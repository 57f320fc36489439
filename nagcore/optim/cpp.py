"""A traced step as one C++ loop over lists of tensors.

Square roots are rounded to nearest, as NumPy's are. torch's on a CPU are so on some processors only
and else off by one unit in the last place; all other operations are torch's to the bit.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from nagcore.optim.compiler import kernels_are_wanted, load_library
from nagcore.optim.pointers import Gatherer, find_gatherer, mark_changed
from nagcore.optim.program import Operand, Operation, Program

ELEMENTS_PER_THREAD = 16_384
"""With fewer, waking a second thread takes longer than it saves."""
_STORED = {
    torch.float32: "using Stored = float;",
    torch.float64: "using Stored = double;",
    torch.bfloat16: """\
// The upper half of a float, rounded to nearest, ties to even; NaN stays NaN.
struct Stored {
  uint16_t upper;
  operator float() const {
    const uint32_t bits = static_cast<uint32_t>(upper) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  Stored& operator=(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    upper = value == value ? (bits + 0x7fff + (bits >> 16 & 1)) >> 16 : 0x7fc0;
    return *this;
  }
};""",
}
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_FRAME = """\
#include <cmath>
#include <cstdint>
#include <cstring>
#ifdef _OPENMP
#include <omp.h>
#endif

{stored}
using Real = {real};  // what is computed with

// One tensor of each role, or a part of it.
static void advance(int64_t count{parameters}) {{
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {{
    {body}
  }}
}}

// All tensors; each thread takes an equal share of the elements. The addresses are role by role.
extern "C" void step(int tensors, Stored* const* at, const int64_t* counts,
                     const double* coefficients, int threads) {{
  int64_t total = 0;
  for (int64_t k = 0; k < tensors; ++k) total += counts[k];
  const int64_t useful = total / {elements_per_thread};
  if (threads > useful) threads = useful;
  const auto share = [=](int64_t thread, int64_t of) {{
    const int64_t line = 64 / sizeof(Stored);  // two threads do not write to one cache line
    const int64_t size = ((total + of - 1) / of + line - 1) / line * line;
    int64_t begin = thread * size, end = begin + size;
    for (int64_t k = 0; k < tensors && end > 0; begin -= counts[k], end -= counts[k], ++k) {{
      const int64_t from = begin > 0 ? begin : 0;
      const int64_t count = (end < counts[k] ? end : counts[k]) - from;
      if (count > 0) advance(count{arguments});
    }}
  }};
#ifdef _OPENMP
  if (threads > 1) {{
#pragma omp parallel num_threads(threads)
    share(omp_get_thread_num(), omp_get_num_threads());
    return;
  }}
#endif
  share(0, 1);
}}
"""


def cpp_source(program: Program, dtype: torch.dtype) -> str:
    """Return the C++ source of a step.

    The operations are done in the program's order, each rounded to the type of the tensors; the
    coefficients are rounded to it first. bfloat16 is computed in float and rounded once at
    the end.

    Args:
        program: the step.
        dtype: torch.float32, torch.float64 or torch.bfloat16.

    Example:
        >>> from nagcore.optim.program import trace
        >>> def update(t, s):
        ...     return {"x": t["x"] - s["lr"] * t["grad"]}, {}
        >>> source = cpp_source(trace(update, ("x", "grad"), ("lr",)), torch.float32)
        >>> print(source[source.index("const Real v2") : source.index("x_[i] =")])
        const Real v2 = c0 * v1;
            const Real v3 = v0 - v2;
        ...
    """
    roles = len(program.inputs)
    body = [f"const Real v{i} = {name}_[i];" for i, name in enumerate(program.inputs)]
    body += [
        f"const Real v{roles + i} = {_expression(operation)};"
        for i, operation in enumerate(program.operations)
    ]
    body += [f"{name}_[i] = v{index};" for name, index in program.outputs.items()]
    parameters = [
        f"{'' if name in program.outputs else 'const '}Stored* __restrict {name}_"
        for name in program.inputs
    ]
    numbers = range(program.coefficients)
    return _FRAME.format(
        stored=_STORED[dtype],
        real="double" if dtype == torch.float64 else "float",
        elements_per_thread=ELEMENTS_PER_THREAD,
        body="\n    ".join(body),
        parameters="".join(f", {p}" for p in [*parameters, *(f"const Real c{i}" for i in numbers)]),
        arguments="".join(f", at[{role} * tensors + k] + from" for role in range(roles))
        + "".join(f", static_cast<Real>(coefficients[{i}])" for i in numbers),
    )


def _expression(operation: Operation) -> str:
    kind, first, second = operation
    if second is None:
        return f"std::sqrt({_name(first)})" if kind == "sqrt" else f"-{_name(first)}"
    return f"{_name(first)} {_SIGNS[kind]} {_name(second)}"


def _name(operand: Operand) -> str:
    return f"{'v' if operand.of == 'value' else 'c'}{operand.index}"


class CppKernel:
    """A step on the CPU, in one pass over memory.

    Args:
        library: the compiled step.
        gatherer: finds the addresses.
        program: the step.
    """

    def __init__(self, library: ctypes.CDLL, gatherer: Gatherer, program: Program) -> None:
        self._step = library.step
        self._gatherer = gatherer
        self._numbers = ctypes.c_double * program.coefficients
        self._changing = [program.inputs.index(name) for name in program.outputs]

    def __call__(self, columns: Sequence[Sequence[Tensor]], coefficients: Sequence[Any]) -> bool:
        """Run the step, if it can be run on these tensors; the caller sees to it that no two of
        them share memory.

        Args:
            columns: for each input of the program, one tensor of each parameter; overwritten
                where they change.
            coefficients: numbers.

        Returns:
            Whether it was run. If not, nothing was changed: a tensor is of another type, has gaps
            in memory, or its elements lie in another order than those of its parameter.
        """
        found = self._gatherer(columns)
        if found is None:
            return False
        self._step(len(columns[0]), *found, self._numbers(*coefficients), torch.get_num_threads())
        mark_changed(columns, self._changing)
        return True


def load_cpp(program: Program, dtype: torch.dtype) -> CppKernel | None:
    """Return a step as a kernel, compiled at the first call, or None where there is none.

    None: the type is another than `cpp_source` takes, there is no C++ compiler, or
    NAGCORE_KERNELS is 0.

    Args:
        program: the step.
        dtype: of the tensors.

    Example:
        >>> from nagcore.optim.program import trace
        >>> def update(t, s):
        ...     return {"x": t["x"] - s["lr"] * t["grad"]}, {}
        >>> kernel = load_cpp(trace(update, ("x", "grad"), ("lr",)), torch.float32)
        >>> x, grad = torch.zeros(3), torch.ones(3)
        >>> if kernel:
        ...     assert kernel([[x], [grad]], [0.5]) and x.tolist() == [-0.5] * 3
    """
    return _load(program, dtype) if kernels_are_wanted() else None


@cache
def _load(program: Program, dtype: torch.dtype) -> CppKernel | None:
    gatherer = find_gatherer(dtype, torch.device("cpu")) if dtype in _STORED else None
    library = load_library(cpp_source(program, dtype)) if gatherer else None
    return CppKernel(library, gatherer, program) if library and gatherer else None
