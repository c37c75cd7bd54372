"""Commands that look into a store, mend it and move it. One file per command; what they share is in the first three."""
