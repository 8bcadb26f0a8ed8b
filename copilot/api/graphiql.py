"""The query page of the demo: our own small one, since GraphiQL itself is only to be had from CDNs."""

from collections.abc import Iterable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

_FILES = Path(__file__).parent / "page"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def routes(operations: Path, principals: Iterable[str]) -> list[Route]:
    """The page at /graphql, its parts below it, and the way there from /."""
    names = list(principals)
    queries = {file.stem: file.read_text() for file in sorted(operations.glob("*.graphql"))}

    async def contents(_: Request) -> Response:
        return JSONResponse({"principals": names, "operations": queries})

    async def home(_: Request) -> Response:
        return RedirectResponse("/graphql")

    return [
        Route("/", home),
        _file("/graphql", "page.html", "text/html"),
        _file("/graphql/page.js", "page.js", "text/javascript"),
        _file("/graphql/page.css", "page.css", "text/css"),
        Route("/graphql/page.json", contents),
    ]


def _file(path: str, name: str, media_type: str) -> Route:
    content = (_FILES / name).read_bytes()

    async def respond(_: Request) -> Response:
        return Response(
            content, media_type=media_type, headers={"Content-Security-Policy": _POLICY}
        )

    return Route(path, respond)
