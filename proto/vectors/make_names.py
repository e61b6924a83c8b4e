"""names.json and globs.json: what may be a name, and which globs match which names.

The expectations of globs.json are Redis's own, but for the rule on names that begin with "$".
"""


def _names():
    """(description, bytes, valid); reserved is told by the first byte."""
    yield from [
        ("a word", b"orders", True),
        ("one byte", b"a", True),
        ("digits", b"007", True),
        ("dots, dashes, colons, slashes", b"eu-west.orders:new/2", True),
        ("all other ASCII marks", b"!\"#%&'()+,-./:;<=>@^_`|~", True),
        ("begins with a dollar", b"$heads", True),
        ("a dollar alone", b"$", True),
        ("a dollar inside", b"us$", True),
        ("two bytes a character", "größe".encode(), True),
        ("three bytes a character", "注文".encode(), True),
        ("four bytes a character", "\U0001f4ec".encode(), True),
        ("the last code point", "\U0010ffff".encode(), True),
        ("the first code point of two bytes that is no control", "\u00a1".encode(), True),
        ("the last code point before the surrogates", "\ud7ff".encode(), True),
        ("the first code point behind the surrogates", "\ue000".encode(), True),
        ("200 bytes", b"n" * 200, True),
        ("200 bytes in 100 characters", "ä".encode() * 100, True),
        ("empty", b"", False),
        ("201 bytes", b"n" * 201, False),
        ("202 bytes in 101 characters", "ä".encode() * 101, False),
        ("a continuation byte alone", b"\x80", False),
        ("a byte that never occurs", b"a\xff", False),
        ("two bytes cut short", b"a\xc3", False),
        ("three bytes cut short", b"\xe6\xb3", False),
        ("four bytes cut short", b"\xf0\x9f\x93", False),
        ("a head followed by ASCII", b"\xc3a", False),
        ("an overlong slash of two bytes", b"\xc0\xaf", False),
        ("an overlong form of two bytes", b"\xc1\xbf", False),
        ("an overlong form of three bytes", b"\xe0\x80\xaf", False),
        ("an overlong form of four bytes", b"\xf0\x80\x80\xaf", False),
        ("a high surrogate", b"\xed\xa0\x80", False),
        ("a low surrogate", b"\xed\xbf\xbf", False),
        ("beyond the last code point", b"\xf4\x90\x80\x80", False),
        ("a head of five bytes", b"\xf8\x88\x80\x80\x80", False),
        ("valid, then broken", "ok注".encode() + b"\xe6", False),
    ]
    for byte in list(range(0x20)) + [0x7f]:
        yield f"the control character 0x{byte:02x}", b"a" + bytes([byte]) + b"b", False
    for point in (0x80, 0x85, 0x9f):
        yield f"the control character U+{point:04X}", b"a" + chr(point).encode() + b"b", False
    for point in (0x20, 0xa0, 0x1680, 0x2000, 0x2003, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f,
                  0x3000):
        yield f"the space U+{point:04X}", b"a" + chr(point).encode() + b"b", False
    yield "a space in front", b" a", False
    yield "a space behind", b"a ", False
    for mark in b"*?[]{}\\":
        yield f"the mark {chr(mark)}", b"a" + bytes([mark]) + b"b", False
        yield f"the mark {chr(mark)} alone", bytes([mark]), False
    yield "no space: U+200B joins without width", "a\u200bb".encode(), True


def name_vectors():
    return [
        {"name": name, "hex": data.hex(), "valid": valid, "reserved": data[:1] == b"$"}
        for name, data, valid in _names()
    ]


#  One glob, the names that it matches, the names that it does not match.
GLOBS = [
    ("orders", "orders", "order orders2 Orders xorders"),
    ("*", "a orders a.b größe", ""),
    ("**", "a orders", ""),
    ("orders.*", "orders. orders.eu orders.eu.west", "orders orders-eu xorders.eu"),
    ("*.eu", ".eu orders.eu a.b.eu", "eu orders.eu2"),
    ("*a*", "a banana xa", "b"),
    ("a*b*c", "abc aXbYc abbcc", "ab ac acb abcd"),
    ("*a*b*a*b", "abab xaxbxaxb", "aabb aba"),
    ("?", "a", "ab ä"),
    ("??", "ab ä", "a abc 注"),
    ("h?llo", "hello hallo", "hllo heello"),
    ("?*", "a ab", ""),
    ("*?*", "a ab", ""),
    ("h[ae]llo", "hello hallo", "hillo haello"),
    ("h[^e]llo", "hallo h^llo", "hello"),
    ("h[a-c]llo", "hallo hbllo hcllo", "hdllo h-llo"),
    ("h[c-a]llo", "hallo hbllo hcllo", "hdllo h-llo"),
    ("[a-z]", "a m z", "A ` 1 ab"),
    ("[^a-z]", "A 1 -", "a m z"),
    ("[z-a]", "a m z", "A 1"),
    ("[^z-a]", "A 1", "a m z"),
    ("[a-]", "a", "b"),
    ("[-a]", "- a", "b"),
    ("[a^]", "a ^", "b"),
    ("[a-c-e]", "a b c - e", "d f"),
    ("[a-a]", "a", "b"),
    ("x[0-9]", "x0 x5 x9", "xa x x10"),
    ("x[0-9][0-9]", "x10 x99", "x1 x100"),
    ("x[0-9]*", "x1 x1a", "x xa"),
    ("a[b", "ab", "a ac a[b abb"),
    ("a[bc", "ab ac", "a a[bc"),
    ("a[b-d", "ab ac ad", "ae a-"),
    ("a[^b", "ac a^", "ab a"),
    ("a[", "", "a ab"),
    ("a[^", "ab a^", "a"),
    ("[]", "", "a"),
    ("[]a", "", "a xa"),
    ("[]]", "", "a"),
    ("[^]", "a z", ""),
    ("[^]a", "xa aa", "a"),
    ("[a", "a", "b"),
    ("\\o\\rders", "orders", "\\orders"),
    ("\\x", "x", "y"),
    ("a\\", "a\\", "a ab"),
    ("\\", "\\", "a"),
    ("\\*", "*", "a \\*"),
    ("a\\*b", "a*b", "aXb ab"),
    ("\\?", "?", "a"),
    ("\\[a]", "[a]", "a"),
    ("[\\]]", "]", "\\ a"),
    ("[\\\\]", "\\", "a"),
    ("[\\a-c]", "a - c", "b"),
    ("[a\\-c]", "a - c", "b"),
    ("[\\^a]", "^ a", "b"),
    ("{a,b}", "{a,b}", "a b"),
    ("größe", "größe", "grösse"),
    ("gr??ße", "größe", "groesse"),
    ("*注*", "注文 受注", "文"),
    ("orders-*", "orders-eu orders-", "orders orders.eu"),
    ("a.b", "a.b", "axb a-b"),
    ("-", "-", "a"),
    ("$heads", "$heads", "heads"),
    ("$*", "$heads $rejected $", "heads x$"),
    ("$?ejected", "$rejected", "rejected"),
    ("\\$heads", "$heads", "heads"),
    ("x*", "x$ x$heads", "$x"),
    ("*a*a*a*a*a*a*a*a*a*a*b", "", "a" * 64),
    ("a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*c", "", "a" * 100),
]

#  Globs that would match in Redis, and must not match a name of the bridge's own.
HIDDEN = ["*", "**", "*heads", "?heads", "[$]heads", "[^a]heads", "[!-~]heads", "*$heads", "?*",
          "*?eads"]


def glob_vectors():
    rows = []
    for glob, matching, others in GLOBS:
        rows += [(glob, text, True) for text in matching.split()]
        rows += [(glob, text, False) for text in others.split()]
    rows += [(glob, "$heads", False) for glob in HIDDEN]
    return [{"glob": glob, "text": text, "match": match} for glob, text, match in rows]
