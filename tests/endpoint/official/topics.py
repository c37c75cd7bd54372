"""Topics for records that both Apache's SDK and this library send: theirs also sends those that Kafka refuses."""

from hypothesis import strategies as st

from statefun_actors.types import is_topic

topics = st.text("aB9._-", min_size=1, max_size=6).filter(is_topic)
