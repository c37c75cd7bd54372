"""The fast lane: plain requests answered in front of the web stack, everything else handed on to it."""

from statefun_actors.http.lane.lane import Lane
from statefun_actors.http.lane.parser import DECLINED, INCOMPLETE, Head, Unread, read_head
from statefun_actors.http.lane.writing import written

__all__ = ["DECLINED", "INCOMPLETE", "Head", "Lane", "Unread", "read_head", "written"]
