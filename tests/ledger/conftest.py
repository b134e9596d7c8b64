"""What the ledger's machine asserts is shown with its values."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("ledger.model_machine")
