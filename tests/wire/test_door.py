from __future__ import annotations

from statefun_actors import wire


def test_the_door_shows_the_two_protocols_their_messages_and_what_they_raise() -> None:
    values = ["in_2x", "state_in_2x"]
    assert wire.__all__ == ["V2", "V3", "Dialect", "MalformedRequestError", *values, "v2_pb2", "v3_pb2"]
    assert (wire.V2.protocol, wire.V3.protocol) == ("2.x", "3.x")
