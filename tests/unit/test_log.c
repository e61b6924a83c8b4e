//  test_log - the log's line: its form, its level, and that no input forges one.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "log.h"

//  stderr during one test: a pipe that is read back.
typedef struct {
    int saved;
    int read_end;
    char text[8192];
} capture_t;

static void s_capture (capture_t *self)
{
    int ends[2];
    assert_int_equal (pipe (ends), 0);
    self->saved = dup (STDERR_FILENO);
    self->read_end = ends[0];
    dup2 (ends[1], STDERR_FILENO);
    close (ends[1]);
}

//  Gives stderr back; then text holds all that was written to it.
static void s_release (capture_t *self)
{
    dup2 (self->saved, STDERR_FILENO);
    close (self->saved);
    size_t used = 0;
    ssize_t size;
    while ((size = read (self->read_end, self->text + used, sizeof self->text - 1 - used)) > 0) {
        used += (size_t)size;
    }
    self->text[used] = 0;
    close (self->read_end);
}

static int s_reset_level (void **state)
{
    return log_set_level ("info");
}

static void test_line_has_time_level_actor_event_and_pairs (void **state)
{
    capture_t capture;
    s_capture (&capture);
    log_write (LEVEL_WARN, "lane", "redis_up", "attempt=%d url=%s", 3, "x");
    s_release (&capture);
    regex_t form;
    assert_int_equal (regcomp (&form,
                          "^time=20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z "
                          "level=warn actor=lane event=redis_up attempt=3 url=x\n$",
                          REG_EXTENDED),
        0);
    assert_int_equal (regexec (&form, capture.text, 0, NULL, 0), 0);
    regfree (&form);
}

static void test_line_without_pairs_ends_at_the_event (void **state)
{
    capture_t capture;
    s_capture (&capture);
    const char *nothing = "";
    log_write (LEVEL_INFO, "main", "stopped", nothing, 0);
    s_release (&capture);
    assert_non_null (strstr (capture.text, "event=stopped\n"));
}

static void test_level_hides_what_weighs_less (void **state)
{
    capture_t capture;
    assert_int_equal (log_set_level ("warn"), 0);
    s_capture (&capture);
    log_write (LEVEL_ERROR, "main", "one", "x=1");
    log_write (LEVEL_WARN, "main", "two", "x=1");
    log_write (LEVEL_INFO, "main", "three", "x=1");
    log_write (LEVEL_DEBUG, "main", "four", "x=1");
    s_release (&capture);
    assert_non_null (strstr (capture.text, "event=one"));
    assert_non_null (strstr (capture.text, "event=two"));
    assert_null (strstr (capture.text, "event=three"));
    assert_null (strstr (capture.text, "event=four"));
}

static void test_unknown_level_is_refused_and_changes_nothing (void **state)
{
    capture_t capture;
    assert_int_equal (log_set_level ("debug"), 0);
    assert_int_equal (log_set_level ("loud"), -1);
    assert_int_equal (log_set_level (""), -1);
    s_capture (&capture);
    log_write (LEVEL_DEBUG, "main", "seen", "x=1");
    s_release (&capture);
    assert_non_null (strstr (capture.text, "level=debug actor=main event=seen x=1\n"));
}

static void test_control_characters_cannot_forge_a_line (void **state)
{
    capture_t capture;
    s_capture (&capture);
    log_write (LEVEL_INFO, "lane", "rejected", "channel=%s", "a\nb\rc\x1b[2Jd\x7f\xc2\x9b\xc3\xa9");
    s_release (&capture);
    assert_non_null (strstr (capture.text, "channel=a?b?c?[2Jd???\xc3\xa9\n"));
    assert_ptr_equal (strchr (capture.text, '\n'), capture.text + strlen (capture.text) - 1);
}

static void test_overlong_line_is_cut_and_still_one_line (void **state)
{
    capture_t capture;
    char text[5000];
    memset (text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    s_capture (&capture);
    log_write (LEVEL_INFO, "lane", "long", "a=%s b=%s", text, text);
    s_release (&capture);
    size_t size = strlen (capture.text);
    assert_in_range (size, 1024, 4096);  //  PIPE_BUF: such a write is never mixed with another's
    assert_ptr_equal (strchr (capture.text, '\n'), capture.text + size - 1);
}

static void test_errno_is_left_alone (void **state)
{
    capture_t capture;
    s_capture (&capture);
    close (STDERR_FILENO);
    errno = ENOENT;
    log_write (LEVEL_INFO, "main", "lost", "x=1");
    int after = errno;
    s_release (&capture);
    assert_int_equal (after, ENOENT);
}

//  The line behind its time and level.
static const char *s_behind_level (const capture_t *capture)
{
    const char *at = strstr (capture->text, ", \"actor\"");
    assert_non_null (at);
    return at;
}

static void test_json_has_the_same_pairs_and_numbers_as_numbers (void **state)
{
    capture_t capture;
    assert_int_equal (log_set_format ("xml"), -1);
    assert_int_equal (log_set_format ("json"), 0);
    s_capture (&capture);
    log_write (LEVEL_WARN, "lane", "refused",
        "count=%d id=007 empty= why=\"a \\ \"b\" c=d\" path=/a b/c big=12345678901234567", 30);
    s_release (&capture);
    log_set_format ("text");
    assert_memory_equal (capture.text, "{\"time\": \"20", 12);
    assert_string_equal (s_behind_level (&capture),
        ", \"actor\": \"lane\", \"event\": \"refused\", \"count\": 30, \"id\": \"007\", \"empty\": \"\", "
        "\"why\": \"a \\\\ \\\"b\", \"c\": \"d\\\"\", \"path\": \"/a b/c\", \"big\": \"12345678901234567\"}\n");
}

static void test_json_stays_json_whatever_the_text (void **state)
{
    capture_t capture;
    log_set_format ("json");
    s_capture (&capture);
    log_write (LEVEL_INFO, "lane", "odd", "why=\"a\nb\xff\xc3\xa9\xe2\x82\" open=\"");
    s_release (&capture);
    log_set_format ("text");
    assert_string_equal (s_behind_level (&capture),
        ", \"actor\": \"lane\", \"event\": \"odd\", \"why\": \"a?b?\xc3\xa9??\", \"open\": \"\\\"\"}\n");
}

static void test_json_of_the_longest_line_fits (void **state)
{
    capture_t capture;
    char text[4096];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = "a= "[i % 3];
    }
    text[sizeof text - 1] = 0;
    log_set_format ("json");
    s_capture (&capture);
    log_write (LEVEL_INFO, "lane", "long", "%s", text);
    s_release (&capture);
    log_set_format ("text");
    assert_memory_equal (capture.text + strlen (capture.text) - 2, "}\n", 2);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_line_has_time_level_actor_event_and_pairs),
        cmocka_unit_test (test_line_without_pairs_ends_at_the_event),
        cmocka_unit_test_teardown (test_level_hides_what_weighs_less, s_reset_level),
        cmocka_unit_test_teardown (test_unknown_level_is_refused_and_changes_nothing, s_reset_level),
        cmocka_unit_test (test_control_characters_cannot_forge_a_line),
        cmocka_unit_test (test_overlong_line_is_cut_and_still_one_line),
        cmocka_unit_test (test_errno_is_left_alone),
        cmocka_unit_test (test_json_has_the_same_pairs_and_numbers_as_numbers),
        cmocka_unit_test (test_json_stays_json_whatever_the_text),
        cmocka_unit_test (test_json_of_the_longest_line_fits),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
