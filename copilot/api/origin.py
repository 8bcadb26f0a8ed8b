"""Whether a browser sent a request for a page of ours: the second lock against forged requests.

The first is that only JSON is taken, for which a browser asks before it sends another site's request.
Whatever is no browser sends neither of these headers, and has no credentials that a page could use.
"""

from collections.abc import Collection, Mapping

from strawberry.http.websocket_origin import is_same_origin, normalize_origin

from copilot.api.errors import Refused

_OURS = {None, "same-origin", "none"}
"""Sec-Fetch-Site of what is no browser, of a page of ours, and of what the user typed."""


def check_origin(headers: Mapping[str, str], allowed: Collection[str]) -> None:
    """Refused, with status 403, where a page of another origin sent it that is not allowed to."""
    origin = headers.get("origin")
    if origin is None:
        if headers.get("sec-fetch-site") in _OURS:
            return
    elif is_same_origin(origin, headers.get("host")) or normalize_origin(origin) in allowed:
        return
    message = (
        "requests of this page's origin are not taken; the operator can name the origin in"
        " COPILOT_ALLOWED_ORIGINS, and a proxy must pass the Host header on"
    )
    raise Refused(message, code="ORIGIN", status=403)
