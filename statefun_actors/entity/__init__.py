"""Durable actors as classes: declaration, validation, and conversion of their state."""

from statefun_actors.entity.answers import answers
from statefun_actors.entity.asking import NOT_GIVEN, answer_method
from statefun_actors.entity.detached import hydrate
from statefun_actors.entity.entity import Entity
from statefun_actors.entity.entity_function import EntityFunction
from statefun_actors.entity.field import EntityField
from statefun_actors.entity.handles import handles

__all__ = [
    "NOT_GIVEN",
    "Entity",
    "EntityField",
    "EntityFunction",
    "answer_method",
    "answers",
    "handles",
    "hydrate",
]
