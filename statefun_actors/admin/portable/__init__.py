"""A store as lines of JSON, for moving, mending and looking into: what is exported and imported is the same store.

:mod:`~.lines` is the format. Values are readable where that loses nothing; a class that only APP knows, in APP's
presence.
"""

from statefun_actors.admin.portable.exporting import export_store
from statefun_actors.admin.portable.importing import BadExportError, StoreNotEmptyError, import_store
from statefun_actors.admin.portable.known import known_codecs

__all__ = ["BadExportError", "StoreNotEmptyError", "export_store", "import_store", "known_codecs"]
