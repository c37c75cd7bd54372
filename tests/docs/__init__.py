"""The pages of the documentation: their blocks run, their links lead somewhere, what they name is there."""
