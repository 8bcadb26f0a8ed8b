"""Requests to a store that speaks S3, signed as AWS Signature Version 4 has it, the body included."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, unquote, urlsplit

_ALGORITHM, _SERVICE, _END = "AWS4-HMAC-SHA256", "s3", "aws4_request"
_PLAIN = "-_.~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who writes, and in which region the bucket lies."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str

    def headers(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        *,
        more: Mapping[str, str] | None = None,
        at: datetime | None = None,
    ) -> dict[str, str]:
        """What the request must bear, with `more`, all of it signed; the URL has no query."""
        moment = f"{at or datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        address = urlsplit(url)
        headers = {
            **(more or {}),
            "host": address.netloc,
            "x-amz-content-sha256": sha256(body).hexdigest(),
            "x-amz-date": moment,
        }
        signed = {name.lower(): headers[name].strip() for name in headers}
        names = ";".join(sorted(signed))
        lines = [f"{name}:{signed[name]}" for name in sorted(signed)]
        path = quote(unquote(address.path), safe=f"/{_PLAIN}")
        request = "\n".join([method, path, "", *lines, "", names, signed["x-amz-content-sha256"]])
        scope = f"{moment[:8]}/{self.region}/{_SERVICE}/{_END}"
        text = "\n".join([_ALGORITHM, moment, scope, sha256(request.encode()).hexdigest()])
        given = f"Credential={self.access_key}/{scope}, SignedHeaders={names}"
        signature = hmac.new(self._key(moment[:8]), text.encode(), sha256).hexdigest()
        return headers | {"authorization": f"{_ALGORITHM} {given}, Signature={signature}"}

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self.secret_key}".encode()
        for step in (day, self.region, _SERVICE, _END):
            key = hmac.new(key, step.encode(), sha256).digest()
        return key
