from __future__ import annotations

import pytest

from monlight._plain import Plainer
from monlight.scrub import Scrubber, is_sensitive, scrub_headers, scrub_text, scrub_url

SECRET = """
password passwd db_password userPassword DBPASSWORD pass pwd secret client_secret clientSecret
token access_token refreshToken csrf_token csrfmiddlewaretoken X-CSRF-Token api_key apiKey APIKEY
api-key key keys private_key signing-key auth authorization Authorization oauth_verifier session
sessionid session_key SESSION_COOKIE cookie Set-Cookie credentials aws_secret_access_key jwt pin
otp mfa_code signature cvv credit_card card_number ssn iban dsn connection_string
""".split()

HARMLESS = """
author authors monkey keyboard passenger compass tokenizer primary_key foreign_key cache_key
sort_key public_key name email id user_id url path method status count obsession sessions_total
hotkey_count pinned spinner assignment design designer pan_european keyword
""".split()


@pytest.mark.parametrize("name", SECRET)
def test_secret_names(name):
    assert is_sensitive(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_names(name):
    assert not is_sensitive(name)


def test_own_names_and_exceptions():
    scrubber = Scrubber(["Customer-Number"], ["api_key"])
    assert scrubber.filters("customer_number")
    assert not scrubber.filters("apiKey")
    assert scrubber.filters("password")


def test_nested_values_are_filtered_at_every_depth():
    plain = Plainer(Scrubber(), calls=True).mapping(
        {"a": [{"password": "x", "b": {"Token": {"deep": 1}, "c": ("ok", {"secret": 2})}}]}
    )
    assert plain == {
        "a": [
            {
                "password": "[Filtered]",
                "b": {"Token": "[Filtered]", "c": ["ok", {"secret": "[Filtered]"}]},
            }
        ]
    }


def test_the_browser_session_id_is_kept_and_other_sessions_are_not():
    def of(value):
        return Plainer(Scrubber(), calls=True).mapping({"session_id": value}, top=True)

    uuid4 = "3f0c6a52-7b1d-4c9e-8f2a-0123456789ab"
    assert of(uuid4) == {"session_id": uuid4}
    assert of("k3j2h4g5k3j2h4g5k3j2h4g5k3j2h4g5") == {"session_id": "[Filtered]"}
    nested = Plainer(Scrubber(), calls=True).mapping({"a": {"session_id": uuid4}}, top=True)
    assert nested == {"a": {"session_id": "[Filtered]"}}


def test_headers():
    kept = scrub_headers(
        {
            "Accept": "*/*",
            "AUTHORIZATION": "x",
            "Cookie": "x",
            "Set-Cookie": "x",
            "X-API-Key": "x",
            "Proxy-Authorization": "x",
            "X-CSRF-Token": "x",
            "X-CSRFToken": "x",
            "X-Forwarded-For": "1.2.3.4",
            "X-Real-IP": "1.2.3.4",
            "CF-Connecting-IP": "1.2.3.4",
            "X-Company-Session": "x",
            "X-My-Secret": "x",
            "X-Excluded": "x",
            "Referer": "https://user:pw@a.example/p?token=1#f",
            "User-Agent": "test",
            "X-Request-Id": "r",
        },
        excluded=frozenset({"x-excluded"}),
        scrubber=Scrubber(),
    )
    assert kept == {
        "Accept": "*/*",
        "Referer": "https://a.example/p",
        "User-Agent": "test",
        "X-Request-Id": "r",
    }


def test_address_headers_when_asked():
    kept = scrub_headers(
        [("X-Forwarded-For", "1.2.3.4"), ("Cookie", "c")],
        excluded=frozenset(),
        scrubber=Scrubber(),
        keep_address=True,
    )
    assert kept == {"X-Forwarded-For": "1.2.3.4"}


@pytest.mark.parametrize(
    ("url", "want"),
    [
        ("https://a.example/p?q=1#f", "https://a.example/p"),
        ("https://user:pw@a.example:8443/p", "https://a.example:8443/p"),
        ("/p?token=x", "/p"),
        ("http://[bad", "http://[bad"),
        ("http://[bad?token=x", "http://[bad"),
        ("", ""),
        ("no url at all", "no url at all"),
    ],
)
def test_urls(url, want):
    assert scrub_url(url) == want


def test_query_is_kept_when_asked():
    assert scrub_url("https://u:p@a/p?q=1#f", keep_query=True) == "https://a/p?q=1"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (
            "connect to postgresql://app:s3cret@db:5432/shop failed",
            "connect to postgresql://[Filtered]@db:5432/shop failed",
        ),
        ("redis://:pw@cache", "redis://[Filtered]@cache"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer [Filtered]"),
        ("mail to a@b.example about http://x/y", "mail to a@b.example about http://x/y"),
        ("a basic idea", "a basic idea"),
    ],
)
def test_texts(text, want):
    assert scrub_text(text) == want
