"""The public names of Apache's SDKs: our modules against Apache's, and on the embedded engine."""
