"""This library's own functions: they keep open asks and recurring messages, and run activities.

They use the function API and don't depend on an application: any endpoint of a job can serve them.
"""

from statefun_actors.conversations.activity import Activity, activity, declared_activities
from statefun_actors.conversations.own_functions import own_functions
from statefun_actors.conversations.renaming import AddressRenaming
from statefun_actors.conversations.reply import OpenAsk, open_ask, opened
from statefun_actors.conversations.replying import EXPIRE, ReplyStep, reply_step
from statefun_actors.conversations.schedule import OpenSchedule, begun, open_schedule

__all__ = [
    "EXPIRE",
    "Activity",
    "AddressRenaming",
    "OpenAsk",
    "OpenSchedule",
    "ReplyStep",
    "activity",
    "begun",
    "declared_activities",
    "open_ask",
    "open_schedule",
    "opened",
    "own_functions",
    "reply_step",
]
