"""Function types as text, as in both of Apache's SDKs."""


def parse_typename(typename: str) -> tuple[str, str]:
    """The namespace and the name in ``<namespace>/<name>``, which is split at the last ``/``.

    Raises:
        ValueError: it has another form.
    """
    namespace, slash, name = (typename or "").rpartition("/")
    if not (slash and namespace and name):
        raise ValueError(f"expected <namespace>/<name>, such as 'shop/cart', got {typename!r}")
    return namespace, name
