"""The cases, in the order of the fine print: it is the order in which these are imported."""

# isort: off
from tests.conformance.cases import wire_values
from tests.conformance.cases import field_values
from tests.conformance.cases import evolving_values
from tests.conformance.cases import message_types
from tests.conformance.cases import kept_values
from tests.conformance.cases import batch_steps
from tests.conformance.cases import batch_changes
from tests.conformance.cases import batch_effects
from tests.conformance.cases import delayed_messages
from tests.conformance.cases import batch_handlers
from tests.conformance.cases import batch_instances
from tests.conformance.cases import definition_errors
from tests.conformance.cases import refusals
from tests.conformance.cases import failing
from tests.conformance.cases import dead_letters
from tests.conformance.cases import context
from tests.conformance.cases import embedded_input
from tests.conformance.cases import embedded_stops
from tests.conformance.cases import embedded_http
from tests.conformance.cases import embedded_http_refusals
from tests.conformance.cases import evolution
from tests.conformance.cases import asking
from tests.conformance.cases import reply_addresses
from tests.conformance.cases import answering
from tests.conformance.cases import activities
from tests.conformance.cases import recurring
from tests.conformance.cases import ends

MODULES = (
    wire_values,
    field_values,
    evolving_values,
    message_types,
    kept_values,
    batch_steps,
    batch_changes,
    batch_effects,
    delayed_messages,
    batch_handlers,
    batch_instances,
    definition_errors,
    refusals,
    failing,
    dead_letters,
    context,
    embedded_input,
    embedded_stops,
    embedded_http,
    embedded_http_refusals,
    evolution,
    asking,
    reply_addresses,
    answering,
    activities,
    recurring,
    ends,
)
