"""The fine print, case by case, on every engine: ``python -m tests.conformance`` prints the table."""
