import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyfeed.redact import redact, scrub

ANY_TEXT = st.text(alphabet=st.characters(), max_size=60)
# Texts that are nearly URLs: separators where they hurt.
NEARLY_URL = st.lists(
    st.sampled_from(
        [
            "http",
            "file",
            ":",
            "//",
            "/",
            "@",
            "[",
            "]",
            "?",
            "#",
            "&",
            "=",
            "%2F",
            "%",
            "user",
            "80",
        ]
    ),
    max_size=14,
).map("".join)


@pytest.mark.parametrize(
    ("url", "printed"),
    [
        ("https://lists.example.net/egress.csv", "https://lists.example.net/egress.csv"),
        ("https://ops:s3cret@lists.example.net/a", "https://***@lists.example.net/a"),
        ("https://t0ken@lists.example.net:8443/a", "https://***@lists.example.net:8443/a"),
        ("https://ops:s3@cret@lists.example.net/", "https://***@lists.example.net/"),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443/a"),
        ("https://ops:s3cret@[2001:db8::1]/a", "https://***@[2001:db8::1]/a"),
        ("https://h.example/a?key=s3cret&page=2", "https://h.example/a?key=***&page=***"),
        ("https://h.example/a?s3cret", "https://h.example/a?***"),
        ("https://h.example/a?key=s3=cret", "https://h.example/a?key=***"),
        ("https://h.example/a?key=", "https://h.example/a?key=***"),
        ("https://h.example/a?", "https://h.example/a?"),
        ("https://h.example/a#s3cret", "https://h.example/a"),
        ("https://h.example/@scope/list", "https://h.example/@scope/list"),
        ("file:///srv/lists/aol@home.html", "file:///srv/lists/aol@home.html"),
    ],
)
def test_userinfo_query_values_and_fragment_are_not_printed(url: str, printed: str) -> None:
    assert redact(url) == printed


@pytest.mark.parametrize(
    "url",
    [
        "https://ops:s3/cret@h.example/a",
        "https://ops:s3?cret@h.example/a",
        "https://ops:s3#cret@h.example/a",
        "https://o@ps:s3/cret@h.example/a",
        "ops:s3cret@h.example/a",
        "http:ops:s3cret@h.example/a",
        "http:///ops:s3cret@h.example/a",
        "//ops:s3cret@h.example/a",
    ],
)
def test_a_password_in_a_mistyped_url_is_not_printed(url: str) -> None:
    assert "cret" not in redact(url)
    assert redact(url).endswith("***@h.example/a")


@given(ANY_TEXT | NEARLY_URL)
def test_any_text_can_be_redacted(text: str) -> None:
    assert isinstance(redact(text), str)


@given(NEARLY_URL)
def test_what_was_redacted_once_stays_as_it_is(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    ("secret", "message", "scrubbed"),
    [
        (
            "mailto://ops:hunter2@mail.example.net?to=boss@example.net",
            "mail.example.net refused ops / hunter2 for boss@example.net",
            "mail.example.net refused ops / *** for ***",
        ),
        (
            "slack://TokenAAAA/TokenBBBB/TokenCCCC/#chan",
            "POST https://hooks.slack.com/services/tokenaaaa/TokenBBBB/TokenCCCC/: 404",
            "POST https://hooks.slack.com/services/***: 404",
        ),
        (
            "json://ops:hunter2@localhost:8080/hooks/abcdef?x=yzzy",
            "localhost:8080 /hooks/abcdef x=yzzy: refused",
            "localhost:8080 *** ***: refused",
        ),
        (
            "tgram://123456789:AAH-secret/chat",
            "no bot 123456789 with AAH-secret",
            "no bot *** with ***",
        ),
        (
            "tgram://123456789:AAH-secret/@chat",
            "no bot 123456789 with AAH-secret",
            "no bot *** with ***",
        ),
        (
            "https://ops:p%40ss%2Fword@h.example/",
            "tried p%40ss%2Fword, p%40ss%2fword and p@ss/word",
            "tried ***, *** and ***",
        ),
        ("https://ops:p@ss word@h.example/", "sent p%40ss+word, p%40ss%20word", "sent ***, ***"),
        (
            "https://ops:hunter2@h.example/",
            "Authorization: Basic b3BzOmh1bnRlcjI=",
            "Authorization: Basic ***",
        ),
        ("https://ops:abc@h.example/", "ops:abc said abc", "*** said abc"),
        ("https://h.example/?t0ken", "t0ken is unknown", "*** is unknown"),
        (
            "gotify://push.example.net/t0ken",
            "no t0ken at push.example.net",
            "no *** at push.example.net",
        ),
        ("json://mailhost/hook", "mailhost said no", "mailhost said no"),
        ("just-a-word", "it was just-a-word", "it was ***"),
        ("", "nothing to hide", "nothing to hide"),
    ],
)
def test_every_secret_part_of_a_url_is_masked(secret: str, message: str, scrubbed: str) -> None:
    assert scrub(message, [secret]) == scrubbed


def test_the_url_itself_is_masked_as_a_whole() -> None:
    url = "slack://TokenAAAA/TokenBBBB/TokenCCCC"
    assert scrub(f"cannot reach {url} now", [url]) == "cannot reach *** now"


def test_overlapping_secrets_leave_no_half_behind() -> None:
    assert scrub("<abcdefghi>", ["abcdef", "defghi"]) == "<***>"


def test_secrets_side_by_side_become_one_mask() -> None:
    assert scrub("abcdefgh", ["abcd", "efgh"]) == "***"


@given(ANY_TEXT, st.lists(ANY_TEXT | NEARLY_URL, max_size=4))
def test_any_text_can_be_scrubbed(text: str, secrets: list[str]) -> None:
    assert isinstance(scrub(text, secrets), str)


@given(
    st.text(alphabet="abcd/:@", max_size=40),
    st.lists(st.text(alphabet="abcd", min_size=4, max_size=8), max_size=4),
)
def test_no_secret_survives_in_any_text(text: str, secrets: list[str]) -> None:
    scrubbed = scrub(text, secrets)
    assert not [secret for secret in secrets if secret in scrubbed]
