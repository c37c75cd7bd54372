"""Python values as typenames and bytes, and back.

This room knows every type that can be stored or sent, but no entities, batches or wires. Its API:

- :func:`codec_for` returns the :class:`Codec` of an annotation, :func:`split_optional` splits ``| None`` off it,
  :func:`unwrapped` strips NewType, Annotated and type aliases;
- :func:`message` names a class for the wire, :func:`message_name` returns the name, :func:`message_advice` how to;
- :func:`pack` converts a value of user code to a TypedValue, :func:`checked_typed` checks a TypedValue;
- :func:`any_of` and :func:`typed_of_any` carry values of any type in a ``google.protobuf.Any``;
- :func:`hint_of` returns the annotation of a field with its names resolved;
- :func:`type_arguments` and :func:`substituted` replace type variables in annotations by their arguments,
  :func:`type_variable` returns a remaining one;
- :func:`kafka_record`, :func:`kinesis_record` and their typed forms are for egresses;
- :func:`json_of` and :func:`json_text_of` show any value to people, :func:`codec_known` finds the codec of a typename;
- :func:`json_fault` describes the fault of malformed JSON;
- :func:`form_of` describes a type for later versions of it, :class:`FormChanges` compares two such forms;
- :func:`is_repeated` says whether a field of protobuf has a list of values, on all versions of protobuf.
"""

from statefun_actors.types.codec import Codec, UnresolvedNameError, UnstorableTypeError
from statefun_actors.types.codecs import codec_for
from statefun_actors.types.describing import form_of, is_repeated
from statefun_actors.types.foreign import message_advice
from statefun_actors.types.form_changes import Change, FormChanges
from statefun_actors.types.form_damage import Harm
from statefun_actors.types.forms import Form, spelled_form
from statefun_actors.types.hints import hint_of, substituted, type_arguments, type_variable
from statefun_actors.types.immutability import is_immutable, keeps_more
from statefun_actors.types.json import JSON_TYPENAME
from statefun_actors.types.kinds import split_optional, unwrapped
from statefun_actors.types.message_names import message_name
from statefun_actors.types.messages import message, own_message
from statefun_actors.types.pack import checked_typed, pack, packer_of, packers
from statefun_actors.types.protobuf import any_of, typed_of_any
from statefun_actors.types.readable import NO_JSON, NoJson, codec_known, codec_named, json_of, json_text_of, value_of
from statefun_actors.types.records import (
    TOPIC_FORM,
    check_typed_record,
    is_topic,
    kafka_record,
    kafka_to_typed,
    kinesis_record,
    record_of_typed,
    record_to_typed,
)
from statefun_actors.types.sharing import IN_PLACE, count_references, unshared_value
from statefun_actors.types.surrogates import json_fault

__all__ = [
    "IN_PLACE",
    "JSON_TYPENAME",
    "NO_JSON",
    "TOPIC_FORM",
    "Change",
    "Codec",
    "Form",
    "FormChanges",
    "Harm",
    "NoJson",
    "UnresolvedNameError",
    "UnstorableTypeError",
    "any_of",
    "check_typed_record",
    "checked_typed",
    "codec_for",
    "codec_known",
    "codec_named",
    "count_references",
    "form_of",
    "hint_of",
    "is_immutable",
    "is_repeated",
    "is_topic",
    "json_fault",
    "json_of",
    "json_text_of",
    "kafka_record",
    "kafka_to_typed",
    "keeps_more",
    "kinesis_record",
    "message",
    "message_advice",
    "message_name",
    "own_message",
    "pack",
    "packer_of",
    "packers",
    "record_of_typed",
    "record_to_typed",
    "spelled_form",
    "split_optional",
    "substituted",
    "type_arguments",
    "type_variable",
    "typed_of_any",
    "unshared_value",
    "unwrapped",
    "value_of",
]
