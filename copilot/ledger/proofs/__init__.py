"""What a stranger needs to check the ledger: RFC 9162 trees, C2SP checkpoints, DSSE, bundles of them in a folder.

Functions of bytes and files: no database, no network, no event loop.
"""
