"""So that a failing case shows its values."""

import pytest

pytest.register_assert_rewrite("tests.conformance.cases")
