"""Fast path for plain HTTP/1.1 requests; all others go to Hypercorn."""

from statefun_actors.http.fastpath.fast_path import FastPath
from statefun_actors.http.fastpath.parser import DECLINED, INCOMPLETE, Head, Unread, headers_of, read_head
from statefun_actors.http.fastpath.response_bytes import written

__all__ = ["DECLINED", "INCOMPLETE", "FastPath", "Head", "Unread", "headers_of", "read_head", "written"]
