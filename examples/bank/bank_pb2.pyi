from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Deposit(_message.Message):
    __slots__ = ("cents",)
    CENTS_FIELD_NUMBER: _ClassVar[int]
    cents: int
    def __init__(self, cents: _Optional[int] = ...) -> None: ...

class Withdraw(_message.Message):
    __slots__ = ("cents",)
    CENTS_FIELD_NUMBER: _ClassVar[int]
    cents: int
    def __init__(self, cents: _Optional[int] = ...) -> None: ...

class Transfer(_message.Message):
    __slots__ = ("to", "cents")
    TO_FIELD_NUMBER: _ClassVar[int]
    CENTS_FIELD_NUMBER: _ClassVar[int]
    to: str
    cents: int
    def __init__(self, to: _Optional[str] = ..., cents: _Optional[int] = ...) -> None: ...

class Balance(_message.Message):
    __slots__ = ("cents",)
    CENTS_FIELD_NUMBER: _ClassVar[int]
    cents: int
    def __init__(self, cents: _Optional[int] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("reason", "balance")
    REASON_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    balance: int
    def __init__(self, reason: _Optional[str] = ..., balance: _Optional[int] = ...) -> None: ...

class Remind(_message.Message):
    __slots__ = ("idle_days",)
    IDLE_DAYS_FIELD_NUMBER: _ClassVar[int]
    idle_days: int
    def __init__(self, idle_days: _Optional[int] = ...) -> None: ...
