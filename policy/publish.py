"""Publishes this release's policy to an OPA server: `python -m policy.publish URL`."""

import asyncio
import sys
from collections.abc import Sequence

from policy.errors import CopilotError
from policy.opa_server import OpaServerEngine


async def publish(url: str) -> str:
    """Publishes, then checks; returns the hash of what now runs."""
    engine = OpaServerEngine(url, timeout=30)
    try:
        await engine.publish()
        await engine.check()
    finally:
        await engine.close()
    return engine.revision("")


def main(arguments: Sequence[str]) -> int:
    """0 when the server runs our policy, 2 for a wrong call, else 1 with the reason."""
    if len(arguments) != 1:
        print("usage: python -m policy.publish URL", file=sys.stderr)
        return 2
    try:
        print(asyncio.run(publish(arguments[0])))
    except CopilotError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
