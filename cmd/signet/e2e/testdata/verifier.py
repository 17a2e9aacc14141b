"""Verifies access tokens as an API written in Python does, with PyJWT's
PyJWKClient. It reads one JSON object a line from standard input
({"token": ...}) and answers each with one: {"error": ..., "held": [KID, ...],
"age": SECONDS}, where error is empty for a good token.

    python3 verifier.py ISSUER AUDIENCE
"""

import json
import re
import sys
import time
import urllib.error
import urllib.request

import jwt
from jwt import PyJWKClient


class HeaderDrivenClient(PyJWKClient):
    """Uses a set for as long as its headers allow, and to the last moment:
    until max-age and stale-while-revalidate (RFC 5861, section 3) have both
    passed, counted from the request (RFC 9111, section 4.2.3). PyJWT's own
    lifespan is one fixed number."""

    asked, etag, data = 0.0, None, None

    def get_jwk_set(self, refresh=False):
        # PyJWT asks again as soon as it meets a kid that it does not know.
        # This one may not: the set it has is still good.
        return super().get_jwk_set()

    def fetch_data(self):
        self.asked = time.monotonic()
        request = urllib.request.Request(self.uri)
        if self.etag:
            request.add_header("If-None-Match", self.etag)
        try:
            with urllib.request.urlopen(request) as response:
                headers, self.data = response.headers, json.load(response)
        except urllib.error.HTTPError as e:
            if e.code != 304:
                raise
            headers = e.headers
        self.etag = headers["ETag"]
        directives = dict(re.findall(r"([a-z-]+)=(\d+)", headers.get("Cache-Control", "")))
        lifetime = sum(int(directives.get(d, 0)) for d in ("max-age", "stale-while-revalidate"))
        self.jwk_set_cache.put(self.data)
        # The cache counts from now on.
        self.jwk_set_cache.lifespan = max(0, self.asked + lifetime - time.monotonic())
        return self.data


issuer, audience = sys.argv[1:]
client = HeaderDrivenClient(issuer + "/.well-known/jwks.json")

for line in sys.stdin:
    error = ""
    try:
        token = json.loads(line)["token"]
        key = client.get_signing_key_from_jwt(token)
        jwt.decode(
            token, key.key, algorithms=["RS256", "PS256", "ES256", "EdDSA"],
            issuer=issuer, audience=audience, options={"require": ["exp", "iss", "aud"]},
        )
    except Exception as e:  # whatever it is, the token was not verified
        error = f"{type(e).__name__}: {e}"
    held = [k["kid"] for k in (client.data or {"keys": []})["keys"]]
    print(json.dumps({"error": error, "held": held, "age": time.monotonic() - client.asked}), flush=True)
