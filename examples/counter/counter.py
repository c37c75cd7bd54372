"""A number for each id, which survives a kill: the first file of the README."""

from statefun_actors import Entity, handles, persisted


class Counter(Entity, typename="demo/counter"):  # one for each id
    total: int = persisted(default=0)  # a durable field

    @handles
    def add(self, number: int) -> int:
        self.total += number
        return self.total  # the reply
