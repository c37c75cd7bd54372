"""Options of an application, the same for run, serve, create_app and the test kit.

:class:`Settings` documents them. Outside of Python each is a flag (``--retry-budget 2``) and a key of a settings file
(``retry-budget = 2``); :data:`SPELLINGS` lists their names, value formats and help texts.
"""

from statefun_actors.settings.options import ENDPOINT_DEFAULTS, Options, Settings, settings_with
from statefun_actors.settings.spellings import SPELLINGS, Spelling, read_settings, read_typename

__all__ = [
    "ENDPOINT_DEFAULTS",
    "SPELLINGS",
    "Options",
    "Settings",
    "Spelling",
    "read_settings",
    "read_typename",
    "settings_with",
]
