"""Long passwords that are easy to guess: common words, repeats, and rows of keys.

No list can hold all of them, since each can be made longer. So a password is divided into pieces:
common words, words of the user and the service, runs such as `4567` or `qwert`, and else single
characters. It is easy to guess if it has few different ones: `passwordpassword` has one, and
`password12345678` two. Breached passwords that look random need the extra `breached`.
Source: NIST SP 800-63B-4, section 3.1.1.2; OWASP ASVS 6.2.4.
"""

import re
from collections.abc import Collection, Iterator
from unicodedata import category, combining, normalize

# None of 20,000 texts of four random words had fewer, nor any of 20,000 texts of 20 letters.
MIN_PIECES = 8
SHORTEST_RUN = 3  # characters

# The words that stand most often in leaked passwords of 15 characters or more, `password` in
# several languages, and a well-known example of a good one.
_COMMON_WORDS = """
    password passwort passwd passphrase contrasena motdepasse senha wachtwoord parola пароль
    secret geheim admin administrator root login access welcome willkommen hello hallo letmein
    trustno changeme default temp test user guest company please forever whatever freedom
    iloveyou ilove teamo jetaime love angel princess prince queen king master monster killer slayer
    baseball football soccer hockey golf liverpool arsenal chelsea barcelona rangers steelers
    yankees cowboys lakers eagles ferrari mercedes corvette mustang harley starwars superman batman
    pokemon minecraft naruto merlin phoenix internet computer samsung google facebook myspace nokia
    sunshine summer winter spring autumn monday friday music guitar diamond thunder shadow dragon
    monkey tiger chicken cookie cheese chocolate pepper ginger flower purple black white green silver
    michael michelle jennifer jessica anthony daniel charlie thomas justin william matthew martin
    nicole robert ashley george amanda andrea andrew joshua jordan alexander maria david jesus christ
    fuckyou fuckme asshole bitch family money happy super lover london dallas
    correct horse battery staple quick brown
"""
# Digits, the alphabet, and rows and columns of English, German and French keyboards.
_ROWS = [
    "0123456789012",
    "abcdefghijklmnopqrstuvwxyz",
    "!@#$%^&*()",
    "qwertyuiop",
    "asdfghjkl;",
    "zxcvbnm,./",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1qazxsw23edcvfr45tgbnhy67ujm",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
]
# These signs stand for a letter. `1` may be `l` or `i`, so both become `i`.
_LOOKALIKES = str.maketrans("01l!|3@45$7+", "oiiiieaasstt")


def is_easy_to_guess(password: str, shortest: int, *known: str | None) -> bool:
    """Whether a password has fewer than eight different pieces.

    `shortest` is the number of characters that a password must have: half as many pieces are
    enough. `known` are texts that others know of the user or the service.
    """
    needed = min(MIN_PIECES, (shortest + 1) // 2)
    words = _COMMON | {word for text in known for word in _words_of(text or "")}
    plain = _plain(password)
    # A repetition makes a password longer, and not harder to guess.
    if (plain * 2).find(plain, 1) < min(shortest, len(plain)):
        return True
    if _has_few_pieces(plain, words, needed):
        return True
    letters = "".join(filter(str.isalnum, plain))
    # Signs may part a word, and are one piece themselves. A password may also be made of signs.
    is_of_letters = len(letters) * 2 >= len(plain)
    return is_of_letters and _has_few_pieces(letters, words, needed - 1)


def _has_few_pieces(text: str, words: Collection[str], needed: int) -> bool:
    different = set[str]()
    for piece in _pieces(text, words):
        different.add(piece)
        if len(different) >= needed:
            return False
    return True


def _pieces(text: str, words: Collection[str]) -> Iterator[str]:
    folded = text.translate(_LOOKALIKES)
    lengths = sorted({len(word) for word in words}, reverse=True)
    start = 0
    while start < len(text):
        word = next((size for size in lengths if folded[start : start + size] in words), 0)
        end = start + (word or _length_of_run(text, start))
        yield text[start:end]
        start = end


def _length_of_run(text: str, start: int) -> int:
    """The length of the row of keys that begins here; 1 for a single character."""
    end = start
    while text[end : end + SHORTEST_RUN] in _RUNS:
        end += 1
    return end - start + SHORTEST_RUN - 1 if end > start else 1


def _words_of(text: str) -> list[str]:
    """The words of a text, of at least three letters or digits, as `_pieces` compares them."""
    return [word.translate(_LOOKALIKES) for word in re.findall(r"[^\W_]{3,}", _plain(text))]


def _plain(text: str) -> str:
    """One spelling for capitals, wide characters and accents, without what nobody sees."""
    letters = normalize("NFKD", text).casefold()
    return "".join(each for each in letters if not (combining(each) or category(each) == "Cf"))


_COMMON = frozenset(_words_of(_COMMON_WORDS))
_RUNS = frozenset(
    row[start : start + SHORTEST_RUN]
    for each in _ROWS
    for row in (each, each[::-1])
    for start in range(len(row) - SHORTEST_RUN + 1)
)
