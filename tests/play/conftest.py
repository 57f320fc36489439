"""What the tests of the elements to play with share."""

from __future__ import annotations

import sys
from pathlib import Path

# Where the tests find their helper.
sys.path.insert(0, str(Path(__file__).parent))
