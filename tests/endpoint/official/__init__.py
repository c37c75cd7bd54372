"""Functions of the 2.0 SDK, run by Apache's SDK in another process and here; the replies are compared."""
