//  test_name - which names and globs are valid, what a glob matches, how a client's word is shown.

#include "vectors.h"
#include "name.h"

static span_t s_text (const char *text)
{
    return span_of (text, strlen (text));
}

static bool s_name_holds (json_t *vector)
{
    span_t name = bytes_of_hex (json_object_get (vector, "hex"));
    bool valid = json_is_true (json_object_get (vector, "valid"));
    bool reserved = json_is_true (json_object_get (vector, "reserved"));
    bool holds = name_is_valid (name) == valid && !name_flaw (name) == valid && name_is_reserved (name) == reserved;
    bytes_free (name);
    return holds;
}

static void test_name_vectors (void **state)
{
    vectors_check ("names", s_name_holds);
}

static bool s_glob_holds (json_t *vector)
{
    span_t glob = text_of (json_object_get (vector, "glob"));
    span_t text = text_of (json_object_get (vector, "text"));
    span_t exact_glob = bytes_copy (glob.data, glob.size);
    span_t exact_text = bytes_copy (text.data, text.size);
    bool matches = glob_matches (exact_glob, exact_text);
    bytes_free (exact_glob);
    bytes_free (exact_text);
    return matches == json_is_true (json_object_get (vector, "match"));
}

static void test_glob_vectors (void **state)
{
    vectors_check ("globs", s_glob_holds);
}

//  A valid name has no wildcards, so that as a glob it matches itself.
static bool s_read_inside (span_t prefix)
{
    bool matches = glob_matches (prefix, prefix);
    bool valid = name_is_valid (prefix);
    return !name_flaw (prefix) == valid && (!valid || matches);
}

static bool s_prefixes_are_read_inside (json_t *vector)
{
    span_t name = bytes_of_hex (json_object_get (vector, "hex"));
    bool holds = each_prefix (name, s_read_inside);
    bytes_free (name);
    return holds;
}

static void test_prefixes_of_names_are_read_inside (void **state)
{
    vectors_check ("names", s_prefixes_are_read_inside);
}

static void test_flaws_are_told_in_their_order (void **state)
{
    char longer[201];
    memset (longer, '\xff', sizeof longer);
    assert_string_equal (name_flaw (s_text ("")), "empty");
    assert_string_equal (name_flaw (span_of (longer, 201)), "longer than 200 bytes");
    assert_string_equal (name_flaw (span_of (longer, 200)), "not UTF-8");
    assert_string_equal (name_flaw (s_text ("a *\xff")), "not UTF-8");
    assert_string_equal (name_flaw (s_text ("a*")), "has a control character, a space or one of *?[]{}\\");
    assert_null (name_flaw (s_text ("$rejected")));
}

static void test_globs_have_wildcards_but_no_blanks (void **state)
{
    char longer[201];
    memset (longer, '*', sizeof longer);
    assert_true (glob_is_valid (s_text ("or[a-z]?{}*\\*")));
    assert_true (glob_is_valid (span_of (longer, 200)));
    assert_string_equal (glob_flaw (span_of (longer, 201)), "longer than 200 bytes");
    assert_string_equal (glob_flaw (s_text ("")), "empty");
    assert_string_equal (glob_flaw (s_text ("*\xc3")), "not UTF-8");
    assert_string_equal (glob_flaw (s_text ("* ")), "has a control character or a space");
    assert_string_equal (glob_flaw (s_text ("*\xc2\xa0")), "has a control character or a space");
}

static void test_a_name_that_can_be_shown_need_not_be_valid (void **state)
{
    assert_true (name_is_text (s_text ("a b*")));
    assert_true (name_is_text (s_text ("$rejected")));
    assert_false (name_is_text (s_text ("")));
    assert_false (name_is_text (s_text ("a\xff")));
}

//  The same question, answered without any care for work: globs of a, b, *, ?, [a], [^a] only.
static bool s_matches_slowly (const char *glob, const char *name)
{
    if (*glob == 0) {
        return *name == 0;
    }
    if (*glob == '*') {
        return s_matches_slowly (glob + 1, name) || (*name && s_matches_slowly (glob, name + 1));
    }
    if (*name == 0) {
        return false;
    }
    if (*glob == '[') {
        bool negated = glob[1] == '^';
        return (glob[1 + negated] == *name) != negated && s_matches_slowly (strchr (glob, ']') + 1, name + 1);
    }
    return (*glob == '?' || *glob == *name) && s_matches_slowly (glob + 1, name + 1);
}

static void test_globs_match_as_the_plain_definition_has_it (void **state)
{
    static const char *const parts[] = {"a", "b", "*", "?", "[a]", "[^a]"};
    size_t matched = 0;
    for (unsigned number = 0; number < 6 * 6 * 6 * 6 * 6; number++) {
        char glob[32] = "";
        for (unsigned part = 0, rest = number; part < 5; part++, rest /= 6) {
            strcat (glob, parts[rest % 6]);
        }
        for (unsigned bits = 1; bits < 256; bits++) {
            char name[9] = "";
            for (unsigned rest = bits, at = 0; rest > 1; rest >>= 1, at++) {
                name[at] = rest & 1 ? 'a' : 'b';
            }
            bool matches = glob_matches (s_text (glob), s_text (name));
            matched += matches;
            if (matches != s_matches_slowly (glob, name)) {
                fail_msg ("%s and %s: %d", glob, name, matches);
            }
        }
    }
    assert_in_range (matched, 1000, 1000000);
}

static bool s_matches (const char *glob, const char *name)
{
    span_t exact_glob = bytes_copy (glob, strlen (glob));
    span_t exact_name = bytes_copy (name, strlen (name));
    bool matches = glob_matches (exact_glob, exact_name);
    bytes_free (exact_glob);
    bytes_free (exact_name);
    return matches;
}

static void test_a_glob_that_ends_amid_a_set_or_an_escape_is_read_inside (void **state)
{
    assert_false (s_matches ("[", "a"));
    assert_true (s_matches ("[^", "a"));
    assert_true (s_matches ("[\\", "\\"));
    assert_true (s_matches ("[a-", "-"));
    assert_true (s_matches ("a\\", "a\\"));
    assert_false (s_matches ("a\\", "ab"));
}

static void test_many_stars_cost_no_more_than_glob_times_name (void **state)
{
    char glob[200];
    char name[200];
    for (size_t at = 0; at < sizeof glob; at += 2) {
        memcpy (glob + at, "*a", 2);
    }
    memset (name, 'a', sizeof name);
    //  With backtracking into every star this would not end.
    glob[199] = 'b';
    assert_false (glob_matches (span_of (glob, 200), span_of (name, 200)));
    name[199] = 'b';
    assert_true (glob_matches (span_of (glob, 200), span_of (name, 200)));
}

static void s_assert_shown (const char *word, const char *expected)
{
    char shown[NAME_SHOWN_SIZE];
    span_t exact = bytes_copy (word, strlen (word));
    assert_string_equal (name_shown (shown, exact), expected);
    bytes_free (exact);
}

static void test_a_word_is_shown_without_control_characters (void **state)
{
    s_assert_shown ("foo", "foo");
    s_assert_shown ("", "");
    s_assert_shown ("a\n\x7f\x1b[31m", "a???[31m");
    s_assert_shown ("a\xc2\x85z", "a?z");
    s_assert_shown ("gr\xc3\xb6\xc3\x9f", "gr\xc3\xb6\xc3\x9f");
    s_assert_shown ("a\xff\xc3", "a??");
}

static void test_a_word_is_cut_at_the_end_of_a_character (void **state)
{
    char word[71];
    char expected[65];
    memset (word, 'x', sizeof word);
    word[70] = 0;
    memset (expected, 'x', sizeof expected);
    expected[64] = 0;
    s_assert_shown (word, expected);
    memcpy (word + 63, "\xc3\xb6", 2);
    expected[63] = 0;
    s_assert_shown (word, expected);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_name_vectors),
        cmocka_unit_test (test_glob_vectors),
        cmocka_unit_test (test_prefixes_of_names_are_read_inside),
        cmocka_unit_test (test_flaws_are_told_in_their_order),
        cmocka_unit_test (test_globs_have_wildcards_but_no_blanks),
        cmocka_unit_test (test_a_name_that_can_be_shown_need_not_be_valid),
        cmocka_unit_test (test_globs_match_as_the_plain_definition_has_it),
        cmocka_unit_test (test_a_glob_that_ends_amid_a_set_or_an_escape_is_read_inside),
        cmocka_unit_test (test_many_stars_cost_no_more_than_glob_times_name),
        cmocka_unit_test (test_a_word_is_shown_without_control_characters),
        cmocka_unit_test (test_a_word_is_cut_at_the_end_of_a_character),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
