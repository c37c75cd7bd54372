"""``statefun-actors new``: a project to begin with."""
