"""Exports a store as lines of JSON, and imports them: for moving, repair and inspection.

:mod:`~.lines` is the format. Values are readable if that is lossless; values of an application's classes only if the
application is given.
"""

from statefun_actors.admin.portable.exporting import export_store
from statefun_actors.admin.portable.importing import BadExportError, StoreNotEmptyError, import_store
from statefun_actors.admin.portable.known_codecs import known_codecs

__all__ = ["BadExportError", "StoreNotEmptyError", "export_store", "import_store", "known_codecs"]
