"""What never leaves the program: secrets, and what tells who somebody is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

FILTERED = "[Filtered]"

# Headers that are always removed: they carry credentials.
CREDENTIAL_HEADERS = frozenset(
    {
        "authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "proxy-authorization",
        "www-authenticate",
        "proxy-authenticate",
        "authentication-info",
        "x-csrf-token",
        "x-csrftoken",
        "x-xsrf-token",
        "x-auth-token",
        "x-access-token",
        "x-amz-security-token",
        "x-goog-iap-jwt-assertion",
        "cf-access-jwt-assertion",
        "x-vault-token",
        "x-gitlab-token",
        "x-hub-signature",
        "x-hub-signature-256",
        "stripe-signature",
        "x-monlight-key",
    }
)

# Headers that tell the address of the person behind the request.
ADDRESS_HEADERS = frozenset(
    {
        "forwarded",
        "x-forwarded-for",
        "x-original-forwarded-for",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-envoy-external-address",
        "true-client-ip",
        "cf-connecting-ip",
        "cf-connecting-ipv6",
        "fastly-client-ip",
        "fly-client-ip",
        "remote-addr",
        "client-ip",
    }
)

# Parts of names, whole ones: "author" holds "auth" and is no secret.
# fmt: off
_SENSITIVE_WORDS = frozenset({
    "pass", "passwd", "password", "passwords", "passphrase", "pwd", "pw", "secret", "secrets",
    "token", "tokens", "jwt", "apikey", "apikeys", "auth", "authorization", "authentication",
    "oauth", "credential", "credentials", "creds", "session", "sessionid", "csrf", "xsrf",
    "csrftoken", "csrfmiddlewaretoken", "private", "privatekey", "cookie", "cookies", "signature",
    "sig", "otp", "pin", "mfa", "totp", "cvv", "cvc", "ssn", "iban", "bearer",
    "dsn", "salt", "nonce",
})
# fmt: on
# Long enough to be meant wherever they stand: "dbpassword", "mysecretvalue".
_SENSITIVE_FRAGMENTS = (
    "password",
    "passwd",
    "secret",
    "apikey",
    "credential",
    "privatekey",
    "connectionstring",
)
_HARMLESS_KEYS = frozenset(
    {"primary", "foreign", "cache", "sort", "partition", "public", "routing", "object", "dict"}
)
_CARD_NAMES = frozenset({"card_number", "cardnumber", "creditcard", "credit_card", "pan"})

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_URL_CREDENTIALS = re.compile(r"(://)[^/\s:@'\"]*:[^/\s@'\"]+@")
_URL_QUERY = re.compile(r"(\w://[^\s?#\"'<>]*)\?[^\s\"'<>)\]]*")
_PARAMETER = re.compile(r"([?&]([\w.\-]{1,64})=)[^&\s\"'<>)\]]+")
_SCHEME_HINT = re.compile(r"(?:bearer|basic|token)\s", re.IGNORECASE)
_SCHEME_TOKENS = re.compile(r"\b(bearer|basic|token)(\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_SESSION_UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z", re.IGNORECASE
)


@lru_cache(maxsize=4096)
def is_sensitive(name: str) -> bool:
    """Tell whether a field of this name holds a secret, going by its words.

    ``db_password``, ``apiKey``, ``X-Auth-Token`` and ``key`` do; ``author``,
    ``monkey`` and ``primary_key`` do not.
    """
    if len(name) > 256:
        name = name[:256]
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words:
        return False
    if not _SENSITIVE_WORDS.isdisjoint(words):
        return True
    joined = "".join(words)
    if any(fragment in joined for fragment in _SENSITIVE_FRAGMENTS):
        return True
    if words[-1] in ("key", "keys"):
        return len(words) < 2 or words[-2] not in _HARMLESS_KEYS
    return "_".join(words) in _CARD_NAMES or joined in _CARD_NAMES


class Scrubber:
    """Decides what is filtered: the built-in rules, more names, and exceptions from them.

    Both lists are compared without regard to case and to ``-`` and ``_``.
    """

    def __init__(self, fields: Iterable[str] = (), allow: Iterable[str] = ()) -> None:
        self._fields = frozenset(_fold(name) for name in fields)
        self._allow = frozenset(_fold(name) for name in allow)

    def filters(self, name: str) -> bool:
        """Tell whether the value of a field of this name must not be sent."""
        if self._fields or self._allow:
            folded = _fold(name)
            if folded in self._allow:
                return False
            if folded in self._fields:
                return True
        return is_sensitive(name)

    def keeps_session(self, name: str, value: object) -> bool:
        """Tell whether a top-level extra is the browser SDK's session id.

        error-tracker finds the errors of one visit by ``extra.session_id``.
        The browser SDK makes it a random UUID that opens nothing, whereas the
        session keys of web frameworks, which open accounts, have other forms.
        """
        return (
            name == "session_id"
            and isinstance(value, str)
            and _SESSION_UUID.match(value) is not None
        )


def _fold(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()


def scrub_text(text: str) -> str:
    """Return text without what does not belong into it.

    That is the user and password of URLs, their query strings, values of
    parameters with secret names, and bearer tokens. Messages of HTTP libraries
    and access logs are full of them.
    """
    if "://" in text:
        if "@" in text:
            text = _URL_CREDENTIALS.sub(rf"\1{FILTERED}@", text)
        if "?" in text:
            text = _URL_QUERY.sub(rf"\1?{FILTERED}", text)
    if "=" in text and ("?" in text or "&" in text):
        text = _PARAMETER.sub(_without_secret, text)
    if _SCHEME_HINT.search(text):
        text = _SCHEME_TOKENS.sub(rf"\1\2{FILTERED}", text)
    return text


def _without_secret(match: re.Match[str]) -> str:
    return f"{match[1]}{FILTERED}" if is_sensitive(match[2]) else match[0]


def scrub_url(url: str, *, keep_query: bool = False) -> str:
    """Return url without user, password, fragment, and query unless keep_query."""
    try:
        parts = urlsplit(url)
        netloc = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, netloc, parts.path, parts.query if keep_query else "", ""))
    except ValueError:
        return url.split("?", 1)[0].split("#", 1)[0]


def scrub_headers(
    headers: Mapping[str, object] | Iterable[tuple[str, object]],
    *,
    excluded: frozenset[str],
    scrubber: Scrubber,
    keep_address: bool = False,
    keep_query: bool = False,
) -> dict[str, str]:
    """Return the headers that may be sent; names keep their case.

    Removed are credentials, what looks like them by its name, the names in
    excluded (lower case), and the client's address unless keep_address.
    """
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    kept: dict[str, str] = {}
    for name, value in pairs:
        lower = name.lower()
        if lower in CREDENTIAL_HEADERS or lower in excluded or scrubber.filters(lower):
            continue
        if lower in ADDRESS_HEADERS and not keep_address:
            continue
        text = value if isinstance(value, str) else str(value)
        if lower in ("referer", "referrer", "location", "x-original-url", "x-rewrite-url"):
            text = scrub_url(text, keep_query=keep_query)
        kept[name] = scrub_text(text[:1024])
        if len(kept) >= 100:
            break
    return kept
