"""The rules: pure, and without any array library.

>>> from nagcore.core import Nesterov
>>> method = Nesterov()
>>> state = method.init(1.0)
>>> for _ in range(50):                       # f(x) = x²/2, so the gradient at y is y
...     state = method.step(state, method.query(state), step_size=0.5)
>>> abs(state.x) < 1e-6
True
"""

from nagcore.core.adam import Adam, AdamState
from nagcore.core.adan import Adan, AdanState
from nagcore.core.adaptive_nesterov import AdaptiveNesterov, AdaptiveNesterovState
from nagcore.core.averaging_form import AveragingForm, MomentumOfWeights, WeightsOfMomentum
from nagcore.core.backtracking import Backtracking
from nagcore.core.exact import ITEM, ExactState
from nagcore.core.forms import (
    FORMS,
    AveragedGradient,
    Coefficients,
    Form,
    FormState,
    KerasVelocity,
    LookAhead,
    Shifted,
    TorchBuffer,
    TwoPoints,
)
from nagcore.core.gradient_descent import GradientDescent, GradientDescentState
from nagcore.core.growth_restart import GrowthMemory, GrowthRestart
from nagcore.core.heavy_ball import HeavyBall, HeavyBallState
from nagcore.core.lbfgs import LBFGS, LBFGSState
from nagcore.core.method import Method, StepAware
from nagcore.core.momentum import (
    ChambolleDossalMomentum,
    ConstantMomentum,
    Momentum1983,
    MomentumSequence,
    Schedule2013,
    SimplifiedMomentum,
    StronglyConvexMomentum,
    VariableStronglyConvexMomentum,
    extrapolation,
)
from nagcore.core.muon import MUON_MOMENTA, MUON_SCALES, Muon, MuonState, orthogonalize
from nagcore.core.nadam import (
    NADAM_CONVENTIONS,
    NAdam,
    NAdamState,
    PrintedNAdam,
    TensorFlowNAdam,
)
from nagcore.core.nesterov import Nesterov, NesterovState
from nagcore.core.optimized import OGM, OGMG, OptimizedState
from nagcore.core.proximal import FISTA, Prox, ProximalGradient
from nagcore.core.regularizers import (
    L1,
    Box,
    ElasticNet,
    GroupNorm,
    Regularizer,
    Simplex,
    Zero,
)
from nagcore.core.restart import (
    FixedRestart,
    FunctionRestart,
    GradientRestart,
    Move,
    Restart,
    Restarted,
    RestartedState,
    SpeedRestart,
)
from nagcore.core.schedule_free import (
    ScheduleFree,
    ScheduleFreeAdamW,
    ScheduleFreeAdamWState,
    ScheduleFreeOffset,
    ScheduleFreeOffsetState,
    ScheduleFreeState,
)
from nagcore.core.step_sizes import SilverSteps
from nagcore.core.three_sequences import ThreeSequences, ThreeSequencesState
from nagcore.core.triple_momentum import TripleMomentum, TripleMomentumState
from nagcore.core.tuned import TunedMethod
from nagcore.core.tuning import (
    Tuning,
    rate_of_robust_momentum,
    tune_gradient_descent,
    tune_heavy_ball,
    tune_nesterov,
    tune_nesterov_on_quadratics,
    tune_robust_momentum,
    tune_triple_momentum,
)

__all__ = [
    "FISTA",
    "FORMS",
    "ITEM",
    "L1",
    "LBFGS",
    "MUON_MOMENTA",
    "MUON_SCALES",
    "NADAM_CONVENTIONS",
    "OGM",
    "OGMG",
    "Adam",
    "AdamState",
    "Adan",
    "AdanState",
    "AdaptiveNesterov",
    "AdaptiveNesterovState",
    "AveragedGradient",
    "AveragingForm",
    "Backtracking",
    "Box",
    "ChambolleDossalMomentum",
    "Coefficients",
    "ConstantMomentum",
    "ElasticNet",
    "ExactState",
    "FixedRestart",
    "Form",
    "FormState",
    "FunctionRestart",
    "GradientDescent",
    "GradientDescentState",
    "GradientRestart",
    "GroupNorm",
    "GrowthMemory",
    "GrowthRestart",
    "HeavyBall",
    "HeavyBallState",
    "KerasVelocity",
    "LBFGSState",
    "LookAhead",
    "Method",
    "Momentum1983",
    "MomentumOfWeights",
    "MomentumSequence",
    "Move",
    "Muon",
    "MuonState",
    "NAdam",
    "NAdamState",
    "Nesterov",
    "NesterovState",
    "OptimizedState",
    "PrintedNAdam",
    "Prox",
    "ProximalGradient",
    "Regularizer",
    "Restart",
    "Restarted",
    "RestartedState",
    "Schedule2013",
    "ScheduleFree",
    "ScheduleFreeAdamW",
    "ScheduleFreeAdamWState",
    "ScheduleFreeOffset",
    "ScheduleFreeOffsetState",
    "ScheduleFreeState",
    "Shifted",
    "SilverSteps",
    "Simplex",
    "SimplifiedMomentum",
    "SpeedRestart",
    "StepAware",
    "StronglyConvexMomentum",
    "TensorFlowNAdam",
    "ThreeSequences",
    "ThreeSequencesState",
    "TorchBuffer",
    "TripleMomentum",
    "TripleMomentumState",
    "TunedMethod",
    "Tuning",
    "TwoPoints",
    "VariableStronglyConvexMomentum",
    "WeightsOfMomentum",
    "Zero",
    "extrapolation",
    "orthogonalize",
    "rate_of_robust_momentum",
    "tune_gradient_descent",
    "tune_heavy_ball",
    "tune_nesterov",
    "tune_nesterov_on_quadratics",
    "tune_robust_momentum",
    "tune_triple_momentum",
]
