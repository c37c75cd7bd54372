"""Random programs of commands, run on the real Flink while its job crashes; their results are checked.

The shape is that of StateFun's own smoke test: messages hold commands, nested, and functions interpret them; at the
end every function is asked for its state. What a program comes to does not depend on the order in which its messages
arrive, so there is one right answer.
"""
