"""Python values as typenames and bytes, and back.

This room knows every type that can be stored or sent, and nothing of entities, batches or wires. Its door:

- :func:`codec_for` gives the :class:`Codec` of an annotation, :func:`split_optional` takes ``| None`` off it;
- :func:`message` names a class for the wire, :func:`message_name` tells the name, :func:`message_advice` what to write;
- :func:`pack` turns whatever user code sends into a TypedValue, :func:`checked_typed` checks one that it made;
- :func:`any_of` and :func:`typed_of_any` carry values of any type in a ``google.protobuf.Any``;
- :func:`type_arguments` and :func:`substituted` give annotations the types that stand for their type
  variables, :func:`type_variable` tells of one that is left;
- :func:`kafka_record`, :func:`kinesis_record` and their typed forms are for egresses;
- :func:`json_of` and :func:`json_text_of` show any value to people, :func:`codec_known` finds the codec of a typename;
- :func:`json_fault` says what is wrong with JSON that can't be read;
- :func:`form_of` describes a type for later versions of it, :class:`FormChanges` compares two such forms.
"""

from statefun_actors.types.codec import Codec, UnresolvedNameError, UnstorableTypeError
from statefun_actors.types.codecs import codec_for
from statefun_actors.types.describing import form_of
from statefun_actors.types.foreign import message_advice
from statefun_actors.types.form_changes import Change, FormChanges, Harm
from statefun_actors.types.forms import Form, spelled_form
from statefun_actors.types.hints import substituted, type_arguments, type_variable
from statefun_actors.types.json import JSON_TYPENAME
from statefun_actors.types.kinds import split_optional
from statefun_actors.types.message_names import message_name
from statefun_actors.types.messages import message, own_message
from statefun_actors.types.pack import checked_typed, pack
from statefun_actors.types.protobuf import any_of, typed_of_any
from statefun_actors.types.readable import NO_JSON, NoJson, codec_known, codec_named, json_of, json_text_of, value_of
from statefun_actors.types.records import kafka_record, kinesis_record, record_of_typed, record_to_typed
from statefun_actors.types.surrogates import json_fault

__all__ = [
    "JSON_TYPENAME",
    "NO_JSON",
    "Change",
    "Codec",
    "Form",
    "FormChanges",
    "Harm",
    "NoJson",
    "UnresolvedNameError",
    "UnstorableTypeError",
    "any_of",
    "checked_typed",
    "codec_for",
    "codec_known",
    "codec_named",
    "form_of",
    "json_fault",
    "json_of",
    "json_text_of",
    "kafka_record",
    "kinesis_record",
    "message",
    "message_advice",
    "message_name",
    "own_message",
    "pack",
    "record_of_typed",
    "record_to_typed",
    "spelled_form",
    "split_optional",
    "substituted",
    "type_arguments",
    "type_variable",
    "typed_of_any",
    "value_of",
]
