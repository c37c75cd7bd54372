"""Commands that inspect, repair and move a store, one file per command."""
