"""The public names of Apache's StateFun SDKs, so that their programs run by one changed import.

``statefun_actors.compat.statefun3`` has those of SDK 3.x, ``statefun_actors.compat.statefun2`` those of SDK 2.x. Their
modules have the names of Apache's modules. Nothing is loaded until one of the two is imported.
"""
