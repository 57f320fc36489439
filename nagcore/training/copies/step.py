"""One step of all copies: gather, gradient, rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.utils import _pytree as pytree

from nagcore.training.copies.examples import Examples
from nagcore.training.copies.layout import layout_of
from nagcore.training.copies.moving import Mover

Loss = Callable[[Tensor, Tensor], Tensor]


class Network:
    """Models of one architecture as a function of a flat vector.

    Args:
        models: one for each copy; their parameters are copied.
        device: where to.
    """

    def __init__(self, models: Iterable[nn.Module], device: torch.device) -> None:
        vectors = []
        for model in models:  # one at a time, so that a generator need not hold all of them
            if not vectors:
                self.template, self.layout = model, layout_of(model)
            vectors.append(self.layout.vector(dict(model.named_parameters())).detach())
        self.start = torch.stack(vectors).to(device)
        """(N, P) the parameters that they came with"""
        self.template.to(device)
        self.fixed = {
            name: value.detach()
            for name, value in self.template.named_parameters()
            if not value.requires_grad
        } | dict(self.template.named_buffers())

    def __call__(self, vector: Tensor, inputs: Tensor) -> Tensor:
        """Return the outputs of the copy with these parameters (P,)."""
        return functional_call(self.template, (self.layout.parts(vector), self.fixed), (inputs,))


class CopiesStep:
    """Takes steps of all copies at once, on tensors that stay where they are.

    Args:
        network: the models.
        loss: mean loss of outputs against targets.
        data: what they learn from.
        mover: the rule.
        hyper: float64 (N,) each, by name.
        chunk: int64 (steps, N, batch_size), which examples are seen; filled by the caller.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        data: Examples,
        mover: Mover,
        hyper: Mapping[str, Tensor],
        chunk: Tensor,
    ) -> None:
        self.network, self.data, self.mover, self.hyper = network, data, mover, hyper
        self.chunk = chunk
        device = network.start.device
        self.state, self.query, self._at_iterate = mover.start(network.start, hyper)
        self.k = torch.zeros((), dtype=torch.int64, device=device)
        self.place = torch.zeros(1, dtype=torch.int64, device=device)
        """of the step in the chunk"""
        self.total = torch.zeros(len(network.start), dtype=torch.float64, device=device)
        """sum of the losses since it was last set to 0"""
        self.finite = torch.ones(len(network.start), dtype=torch.bool, device=device)
        """whether all losses so far were"""
        # What takes a step, and moves the copies in it; `compiled` makes faster ones of them.
        self.take: Callable[[dict[str, Any]], None] = self.advance
        self.move: Callable[..., None] = self.store

        def mean_loss(vector: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
            return loss(network(vector, inputs), targets)

        self._gradients = vmap(grad_and_value(mean_loss))

    def __call__(self) -> None:
        """Take one step."""
        self.take(self.given())

    def given(self) -> dict[str, Any]:
        """Return all tensors that a step reads and writes."""
        return {
            "inputs": self.data.inputs,
            "targets": self.data.targets,
            "chunk": self.chunk,
            "place": self.place,
            "leaves": self.leaves(),
            "query": self.query,
            "hyper": dict(self.hyper),
            "k": self.k,
            "total": self.total,
            "finite": self.finite,
        }

    def advance(self, given: dict[str, Any]) -> None:
        """Take one step in tensors such as `given` returns."""
        index = given["chunk"].index_select(0, given["place"])[0]
        inputs, targets = given["inputs"][index], given["targets"][index]
        grad, losses = self._gradients(given["query"], inputs, targets)
        self.move(given["leaves"], given["query"], grad, given["hyper"], given["k"])
        given["total"] += losses
        given["finite"] &= losses.isfinite()
        given["k"] += 1
        given["place"] += 1

    def leaves(self) -> list[Tensor]:
        """Return the tensors of the rule's state."""
        return pytree.tree_leaves(self.state)

    def store(
        self,
        leaves: list[Tensor],
        query: Tensor,
        grad: Tensor,
        hyper: Mapping[str, Tensor],
        k: Tensor,
    ) -> None:
        """Move the copies, in the tensors given."""
        structure = pytree.tree_structure(self.state)
        after, ahead = self.mover.step(pytree.tree_unflatten(leaves, structure), grad, hyper, k)
        kept = leaves if self._at_iterate else [*leaves, query]
        fresh = [*pytree.tree_leaves(after), ahead][: len(kept)]
        # A state may keep as "the one before" what is written over first.
        places = [old.data_ptr() for old in kept]
        fresh = [new.clone() if new.data_ptr() in places else new for new in fresh]
        for old, new in zip(kept, fresh, strict=True):
            old.copy_(new)

    @property
    def iterate(self) -> Tensor:
        """The iterates x_k (N, P)."""
        return self.state.x

    def tensors(self) -> list[Tensor]:
        """Return all that a step reads and writes, apart from data and hyperparameters."""
        return [*self.leaves(), self.query, self.k, self.total, self.finite]
