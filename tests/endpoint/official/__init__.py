"""Functions as the 2.0 SDK has them, run by Apache's SDK in a process of its own and by us, reply beside reply."""
