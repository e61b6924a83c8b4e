//  test_config - bridge.toml and the environment: what is taken, and how each mistake is told.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "config_table.h"

static const char *const shipped = SOURCE_DIR "/bridge.toml";

typedef struct {
    char dir[32];
    char path[64];
    char error[512];
} fixture_t;

static int s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    strcpy (self->dir, "/tmp/zrb-config-XXXXXX");
    assert_non_null (mkdtemp (self->dir));
    snprintf (self->path, sizeof self->path, "%s/b.toml", self->dir);
    *state = self;
    return 0;
}

static int s_teardown (void **state)
{
    fixture_t *self = *state;
    unlink (self->path);
    rmdir (self->dir);
    free (self);
    return 0;
}

static config_t *s_read_bytes (fixture_t *self, const void *data, size_t size)
{
    FILE *file = fopen (self->path, "w");
    assert_non_null (file);
    assert_int_equal (fwrite (data, 1, size, file), size);
    assert_int_equal (fclose (file), 0);
    self->error[0] = 0;
    return config_new (self->path, self->error, sizeof self->error);
}

static config_t *s_read (fixture_t *self, const char *toml)
{
    return s_read_bytes (self, toml, strlen (toml));
}

//  Expects the error behind the file's path, as in ":3: redis.mode: …".
static void s_expect_error (fixture_t *self, const char *toml, const char *expected)
{
    config_t *config = s_read (self, toml);
    if (config) {
        config_destroy (&config);
        fail_msg ("accepted: %s", toml);
    }
    assert_memory_equal (self->error, self->path, strlen (self->path));
    assert_string_equal (self->error + strlen (self->path), expected);
}

static void s_expect_accepted (fixture_t *self, const char *toml)
{
    config_t *config = s_read (self, toml);
    if (!config) {
        fail_msg ("refused: %s", self->error);
    }
    config_destroy (&config);
}

//  As s_expect_accepted and s_expect_error, for one value of redis.url, on line 2.
static void s_expect_url (fixture_t *self, const char *url, bool accepted)
{
    char toml[512];
    snprintf (toml, sizeof toml, "[redis]\nurl = \"%s\"\n", url);
    if (accepted) {
        s_expect_accepted (self, toml);
    } else {
        s_expect_error (self, toml,
            ":2: redis.url: not redis://[user:password@]host[:port][/db] or unix:///path[?db=N&password=…]");
    }
}

//  `off`: what stands before the key, "#" for one that is shown but not set.
static void s_print_row (FILE *out, const config_key_t *row, const char *off)
{
    fprintf (out, "#  %s\n%s%s = ", row->comment, off, row->key);
    if (row->type == KEY_TEXT) {
        fprintf (out, "\"%s\"\n", row->text);
    } else if (row->type == KEY_COUNT) {
        fprintf (out, "%lld\n", (long long)row->number);
    } else if (row->type == KEY_FLAG) {
        fprintf (out, "%s\n", row->number ? "true" : "false");
    } else if (row->text) {
        fprintf (out, "[\"%s\"]\n", row->text);
    } else {
        fprintf (out, "[]\n");
    }
}

//  What bridge.toml must say from its first section on; the caller owns the text.
static char *s_expected_file (void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream (&text, &size);
    for (size_t i = 0; i < config_table_size; i++) {
        const config_key_t *row = &config_table[i];
        const config_many_t *many = config_many_of (row->section);
        bool begins = i == 0 || strcmp (row->section, config_table[i - 1].section) != 0;
        if (begins && many) {
            fprintf (out, "\n#  %s\n#[[%s]]\n", many->comment, row->section);
        } else if (begins) {
            fprintf (out, "%s[%s]\n", i == 0 ? "" : "\n", row->section);
        }
        s_print_row (out, row, many ? "#" : "");
    }
    fclose (out);
    return text;
}

static void test_shipped_file_has_every_key_with_default_and_comment (void **state)
{
    char text[65536] = "";
    FILE *file = fopen (shipped, "r");
    assert_non_null (file);
    text[fread (text, 1, sizeof text - 1, file)] = 0;
    fclose (file);
    char *sections = strstr (text, "\n[");
    assert_non_null (sections);
    char *expected = s_expected_file ();
    assert_string_equal (sections + 1, expected);
    free (expected);
}

static void s_expect_same (const void *a, const void *b, const config_key_t *row)
{
    const void *in_a = (const char *)a + row->offset;
    const void *in_b = (const char *)b + row->offset;
    if (row->type == KEY_TEXT) {
        assert_string_equal (*(char *const *)in_a, *(char *const *)in_b);
    } else if (row->type == KEY_COUNT) {
        assert_int_equal (*(const int64_t *)in_a, *(const int64_t *)in_b);
    } else if (row->type == KEY_FLAG) {
        assert_int_equal (*(const bool *)in_a, *(const bool *)in_b);
    } else {
        const strings_t *list_a = in_a, *list_b = in_b;
        assert_int_equal (list_a->count, list_b->count);
        for (size_t i = 0; i < list_a->count; i++) {
            assert_string_equal (list_a->items[i], list_b->items[i]);
        }
    }
}

static void test_shipped_file_means_the_defaults (void **state)
{
    fixture_t *self = *state;
    config_t *read = config_new (shipped, self->error, sizeof self->error);
    config_t *defaults = config_new (NULL, self->error, sizeof self->error);
    assert_non_null (read);
    assert_non_null (defaults);
    for (size_t i = 0; i < config_table_size; i++) {
        if (!config_many_of (config_table[i].section)) {
            s_expect_same (read, defaults, &config_table[i]);
        }
    }
    assert_int_equal (read->policies.count, 0);
    assert_int_equal (read->workers.count, 0);
    config_destroy (&read);
    config_destroy (&defaults);
}

static void test_each_default_passes_its_own_check (void **state)
{
    fixture_t *self = *state;
    for (size_t i = 0; i < config_table_size; i++) {
        char toml[512];
        FILE *out = fmemopen (toml, sizeof toml, "w");
        fprintf (out, config_many_of (config_table[i].section) ? "[[%s]]\n" : "[%s]\n", config_table[i].section);
        s_print_row (out, &config_table[i], "");
        fclose (out);
        s_expect_accepted (self, toml);
    }
}

static void test_defaults_are_the_contracts (void **state)
{
    fixture_t *self = *state;
    config_t *config = config_new (NULL, self->error, sizeof self->error);
    assert_non_null (config);
    assert_string_equal (config->mode, "embedded");
    assert_string_equal (config->fsync, "everysec");
    assert_string_equal (config->prefix, "zrb");
    assert_string_equal (config->pull.items[0], "tcp://127.0.0.1:5551");
    assert_string_equal (config->router.items[0], "tcp://127.0.0.1:5555");
    assert_int_equal (config->max_message_bytes, 1048576);
    assert_int_equal (config->max_in_flight, 65536);
    assert_int_equal (config->max_in_flight_bytes, 134217728);
    assert_int_equal (config->max_reply_bytes, 8388608);
    assert_int_equal (config->min_replicas, 0);
    config_destroy (&config);
}

static void test_values_are_taken (void **state)
{
    config_t *config = s_read (*state, "redis.prefix = \"shop\"\n"
                                       "[ingest]\n"
                                       "pull = [\"tcp://*:*\", \"ipc:///tmp/a\"]\n"
                                       "sub = []\n"
                                       "max_in_flight = 1_000\n");
    assert_non_null (config);
    assert_string_equal (config->prefix, "shop");
    assert_int_equal (config->pull.count, 2);
    assert_string_equal (config->pull.items[1], "ipc:///tmp/a");
    assert_int_equal (config->sub.count, 0);
    assert_int_equal (config->max_in_flight, 1000);
    assert_int_equal (config->hwm, 100000);
    config_destroy (&config);
}

static void test_unknown_keys_and_sections_are_told_with_their_line (void **state)
{
    s_expect_error (*state, "[redis]\nmode = \"server\"\nurll = \"x\"\n", ":3: redis.urll: unknown key");
    s_expect_error (*state, "\n[worker]\n", ":2: worker: unknown section");
    s_expect_error (*state, "[[channel]]\nmatch = \"*\"\n", ":1: channel: unknown section");
    s_expect_error (*state, "prefix = \"zrb\"\n", ":1: prefix: unknown key");
    s_expect_error (*state, "[redis.more]\nx = 1\n", ":1: redis.more: unknown key");
    s_expect_error (*state, "redis = 7\n", ":1: redis: wants a section, not an integer");
    s_expect_error (*state, "[[redis]]\n", ":1: redis: wants a section, not an array of tables");
}

//  What stands behind "#" in the shipped file, each #[[section]] taken as one of its own.
static void test_what_the_shipped_file_shows_means_the_defaults (void **state)
{
    fixture_t *self = *state;
    char toml[65536], line[512];
    size_t size = 0;
    FILE *file = fopen (shipped, "r");
    assert_non_null (file);
    while (fgets (line, sizeof line, file)) {
        const char *from = line[0] == '#' && line[1] != ' ' ? line + 1 : line;
        size += (size_t)snprintf (toml + size, sizeof toml - size, "%s", from);
    }
    fclose (file);
    config_t *read = s_read (self, toml);
    config_t *defaults = config_new (NULL, self->error, sizeof self->error);
    assert_non_null (read);
    assert_int_equal (read->policies.count, 1);
    assert_int_equal (read->workers.count, 1);
    for (size_t i = 0; i < config_table_size; i++) {
        const config_key_t *row = &config_table[i];
        if (strcmp (row->section, "channels") == 0) {
            s_expect_same (read->policies.items, defaults->policies.items, row);
        } else if (strcmp (row->section, "workers") == 0) {
            s_expect_same (read->workers.items, defaults->workers.items, row);
        }
    }
    config_destroy (&read);
    config_destroy (&defaults);
}

static void test_the_first_policy_that_matches_counts (void **state)
{
    config_t *config = s_read (*state, "[[channels]]\nmatch = \"logs.*\"\nmax_age_s = 7\n"
                                       "[fanout]\nhwm = 5\n"
                                       "[[channels]]\nmatch = \"logs.old\"\nmax_age_s = 8\n"
                                       "[[channels]]\nretain = \"acked\"\npack = 64\nmax_bytes = 1_000\n");
    assert_non_null (config);
    assert_int_equal (config->hwm, 5);
    assert_int_equal (config->policies.count, 3);
    const policy_t *logs = config_policy (config, span_text ("logs.old"));
    assert_int_equal (logs->max_age_s, 7);
    assert_string_equal (logs->retain, "all");
    assert_int_equal (logs->pack, 1);
    const policy_t *orders = config_policy (config, span_text ("orders"));
    assert_string_equal (orders->retain, "acked");
    assert_int_equal (orders->pack, 64);
    assert_int_equal (orders->max_bytes, 1000);
    assert_int_equal (orders->max_age_s, 0);
    //  A glob that begins with a wildcard does not match the bridge's own names: the defaults.
    assert_string_equal (config_policy (config, span_text ("$rejected"))->retain, "all");
    config_destroy (&config);
}

static void test_a_channel_without_a_policy_has_the_defaults (void **state)
{
    fixture_t *self = *state;
    config_t *config = config_new (NULL, self->error, sizeof self->error);
    const policy_t *policy = config_policy (config, span_text ("orders"));
    assert_string_equal (policy->retain, "all");
    assert_int_equal (policy->max_age_s, 0);
    assert_int_equal (policy->max_messages, 0);
    assert_int_equal (policy->max_bytes, 0);
    assert_int_equal (policy->max_deliveries, 10);
    assert_int_equal (policy->dedupe_s, 3600);
    assert_int_equal (policy->pack, 1);
    config_destroy (&config);
}

static void test_workers_are_taken_in_the_files_order (void **state)
{
    config_t *config = s_read (*state, "[[workers]]\nchannels = [\"a\", \"b.*\"]\npush = [\"tcp://*:*\"]\n"
                                       "[[workers]]\ngroup = \"mail\"\nlease_ms = 5\nwindow = 9\n");
    assert_non_null (config);
    assert_int_equal (config->workers.count, 2);
    assert_int_equal (config_workers (config, 0)->channels.count, 2);
    assert_string_equal (config_workers (config, 0)->channels.items[1], "b.*");
    assert_string_equal (config_workers (config, 0)->group, "workers");
    assert_int_equal (config_workers (config, 0)->window, 1000);
    assert_string_equal (config_workers (config, 1)->group, "mail");
    assert_string_equal (config_workers (config, 1)->push.items[0], "tcp://127.0.0.1:5554");
    assert_int_equal (config_workers (config, 1)->lease_ms, 5);
    config_destroy (&config);
}

static void test_mistakes_in_sections_that_stand_many_times_are_told (void **state)
{
    s_expect_error (*state, "[channels]\nmatch = \"*\"\n", ":1: channels: wants [[channels]], not a table");
    s_expect_error (*state, "workers = 7\n", ":1: workers: wants [[workers]], not an integer");
    s_expect_error (*state, "[[channels]]\n\n[[channels]]\nmach = \"*\"\n", ":4: channels.mach: unknown key");
    s_expect_error (*state, "[[channels]]\nmatch = \"\"\n", ":2: channels.match: empty");
    s_expect_error (
        *state, "[[channels]]\nretain = \"none\"\n", ":2: channels.retain: \"none\" is not one of all, acked");
    s_expect_error (*state, "[[channels]]\nmax_age_s = -1\n", ":2: channels.max_age_s: -1 is not from 0 to 315360000");
    s_expect_error (*state, "[[channels]]\npack = 1025\n", ":2: channels.pack: 1025 is not from 1 to 1024");
    s_expect_error (*state, "[[channels]]\npack = 0\n", ":2: channels.pack: 0 is not from 1 to 1024");
    s_expect_error (*state, "[[workers]]\nchannels = []\n", ":2: workers.channels: needs at least 1");
    s_expect_error (*state, "[[workers]]\nchannels = [\"a b\"]\n",
        ":2: workers.channels: \"a b\": has a control character or a space");
    s_expect_error (*state, "[[workers]]\npush = [\"udp://a\"]\n",
        ":2: workers.push: \"udp://a\": begins with neither tcp:// nor ipc://");
    s_expect_error (*state, "[[workers]]\n[[workers]]\ngroup = \"a*\"\n",
        ":3: workers.group: has a control character, a space or one of *?[]{}\\");
}

static void test_the_first_error_of_the_file_is_told (void **state)
{
    s_expect_error (*state, "[redis]\nzzz = 1\naaa = 1\n", ":2: redis.zzz: unknown key");
}

static void test_wrong_types_are_told (void **state)
{
    s_expect_error (*state, "[redis]\nprefix = 7\n", ":2: redis.prefix: wants a string, not an integer");
    s_expect_error (
        *state, "[ingest]\nmax_in_flight = 1.0\n", ":2: ingest.max_in_flight: wants an integer, not a float");
    s_expect_error (
        *state, "[ingest]\nmax_in_flight = \"1\"\n", ":2: ingest.max_in_flight: wants an integer, not a string");
    s_expect_error (*state, "[fanout]\nhwm = true\n", ":2: fanout.hwm: wants an integer, not a boolean");
    s_expect_error (*state, "[fanout]\nhwm = 2026-11-20\n", ":2: fanout.hwm: wants an integer, not a date or time");
    s_expect_error (
        *state, "[ingest]\npull = \"tcp://127.0.0.1:1\"\n", ":2: ingest.pull: wants a list of strings, not a string");
    s_expect_error (*state, "[ingest]\npull = [1]\n", ":2: ingest.pull: wants a list of strings, not a list");
    s_expect_error (
        *state, "[redis]\nprefix = \"a\\u0000b\"\n", ":2: redis.prefix: wants a string, not a string with a zero byte");
}

static void test_numbers_out_of_range_are_told (void **state)
{
    s_expect_error (*state, "[ingest]\nmax_in_flight = 0\n", ":2: ingest.max_in_flight: 0 is not from 1 to 16777216");
    s_expect_error (*state, "[ingest]\nmax_message_bytes = 67108865\n",
        ":2: ingest.max_message_bytes: 67108865 is not from 1 to 67108864");
    s_expect_error (*state, "[control]\nmax_reply_bytes = 65535\n",
        ":2: control.max_reply_bytes: 65535 is not from 65536 to 1073741824");
    s_expect_error (*state, "[fanout]\nhwm = 0\n", ":2: fanout.hwm: 0 is not from 1 to 16777216");
    s_expect_accepted (*state, "[ingest]\nmax_message_bytes = 67108864\nmax_in_flight = 1\n");
}

static void test_words_outside_of_their_set_are_told (void **state)
{
    s_expect_error (*state, "[redis]\nmode = \"sever\"\n", ":2: redis.mode: \"sever\" is not one of embedded, server");
    s_expect_error (
        *state, "[redis]\nfsync = \"every\"\n", ":2: redis.fsync: \"every\" is not one of always, everysec, no");
    s_expect_error (
        *state, "[bridge]\nlog_level = \"\"\n", ":2: bridge.log_level: \"\" is not one of error, warn, info, debug");
    s_expect_error (*state, "[bridge]\nlog_level = \"a\\nb\"\n",
        ":2: bridge.log_level: \"a?b\" is not one of error, warn, info, debug");
}

static void test_endpoints_are_checked (void **state)
{
    s_expect_error (*state, "[ingest]\npull = []\n", ":2: ingest.pull: needs at least 1");
    s_expect_error (*state, "[control]\nrouter = []\n", ":2: control.router: needs at least 1");
    s_expect_error (*state, "[monitor]\nhttp = \"5580\"\n", ":2: monitor.http: not address:port");
    s_expect_error (*state, "[monitor]\nhttp = \":5580\"\n", ":2: monitor.http: not address:port");
    s_expect_error (
        *state, "[monitor]\nhttp = \"127.0.0.1:x\"\n", ":2: monitor.http: the port is neither 0 to 65535 nor *");
    s_expect_accepted (*state, "[monitor]\nhttp = \"[::1]:*\"\n");
    s_expect_error (*state, "[ingest]\npull = [\"inproc://a\"]\n",
        ":2: ingest.pull: \"inproc://a\": begins with neither tcp:// nor ipc://");
    s_expect_error (*state, "[ingest]\npull = [\"tcp://127.0.0.1:1\", \"tcp://127.0.0.1\"]\n",
        ":2: ingest.pull: \"tcp://127.0.0.1\": not tcp://address:port");
    s_expect_error (*state, "[fanout]\npub = [\"tcp://127.0.0.1:65536\"]\n",
        ":2: fanout.pub: \"tcp://127.0.0.1:65536\": the port is neither 0 to 65535 nor *");
    s_expect_error (*state, "[fanout]\npub = [\"ipc://\"]\n", ":2: fanout.pub: \"ipc://\": not ipc:///path");
    s_expect_accepted (*state, "[fanout]\npub = [\"tcp://[::1]:5553\", \"tcp://eth0:*\", \"ipc://@zrb\"]\n");
}

static void test_prefix_is_checked (void **state)
{
    s_expect_error (*state, "[redis]\nprefix = \"\"\n", ":2: redis.prefix: not 1 to 64 bytes");
    s_expect_error (*state, "[redis]\nprefix = \"a{b\"\n", ":2: redis.prefix: has a brace");
    s_expect_error (*state, "[redis]\nprefix = \"a b\"\n", ":2: redis.prefix: has a space or a control character");
    s_expect_accepted (
        *state, "[redis]\nprefix = \"0123456789012345678901234567890123456789012345678901234567890123\"\n");
    s_expect_error (*state, "[redis]\nprefix = \"01234567890123456789012345678901234567890123456789012345678901234\"\n",
        ":2: redis.prefix: not 1 to 64 bytes");
}

static void test_url_is_checked_and_its_password_never_shown (void **state)
{
    static const char *const good[] = {"redis://127.0.0.1:6379/0", "redis://host", "redis://:secret@host:1/15",
        "redis://user:se%40cret@[::1]:6379", "unix:///run/redis.sock", "unix:///run/redis.sock?db=3&password=secret"};
    static const char *const bad[] = {"", "host:6379", "http://host", "redis://", "redis://u:secret@host:99999",
        "redis://u:secret@host/x", "unix://relative", "unix:///a?secret=1", "redis://u:secret@ho st"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        s_expect_url (*state, good[i], true);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        s_expect_url (*state, bad[i], false);
        assert_null (strstr (((fixture_t *)*state)->error, "secret"));
    }
}

static void test_url_of_an_overlong_socket_is_refused (void **state)
{
    char toml[256] = "[redis]\nurl = \"unix:///";
    size_t used = strlen (toml);
    memset (toml + used, 'x', 105);  //  and the slash: 106
    strcpy (toml + used + 105, "\"\n");
    s_expect_accepted (*state, toml);
    strcpy (toml + used + 105, "y\"\n");
    s_expect_error (*state, toml, ":2: redis.url: the path of a unix socket is longer than 106 bytes");
}

static void test_syntax_errors_are_told_with_their_line (void **state)
{
    fixture_t *self = *state;
    assert_null (s_read (self, "[redis]\nmode = \"server\"\nurl = \n"));
    assert_non_null (strstr (self->error, "b.toml:3: "));
    assert_null (strchr (self->error, '\n'));
    assert_null (s_read (self, "[redis]\nmode = \"a\"\nmode = \"b\"\n"));
    assert_non_null (strstr (self->error, "b.toml:3: "));
}

static void test_bytes_that_are_no_toml_are_refused_in_one_line (void **state)
{
    fixture_t *self = *state;
    static const char not_utf8[] = "[redis]\nprefix = \"\xff\xfe\"\n";
    assert_null (s_read (self, not_utf8));
    assert_non_null (strstr (self->error, "b.toml:2: "));
    assert_null (s_read_bytes (self, "a\0\r\n\x1b[2J", 8));
    for (const char *c = self->error; *c; c++) {
        assert_true ((unsigned char)*c >= 0x20);
    }
}

static void test_files_that_cannot_be_read_are_told (void **state)
{
    fixture_t *self = *state;
    char expected[128];
    snprintf (expected, sizeof expected, "%s: No such file or directory", self->path);
    assert_null (config_new (self->path, self->error, sizeof self->error));
    assert_string_equal (self->error, expected);
    snprintf (expected, sizeof expected, "%s: Is a directory", self->dir);
    assert_null (config_new (self->dir, self->error, sizeof self->error));
    assert_string_equal (self->error, expected);
    assert_null (config_new ("/dev/zero", self->error, sizeof self->error));
    assert_string_equal (self->error, "/dev/zero: File too large");
}

static void test_environment_overrides_the_file (void **state)
{
    setenv ("ZRB_REDIS_URL", "unix:///tmp/other.sock", 1);
    setenv ("ZRB_INGEST_MAX_IN_FLIGHT", "77", 1);
    config_t *config = s_read (*state, "[redis]\nurl = \"redis://a\"\n[ingest]\nmax_in_flight = 5\n");
    unsetenv ("ZRB_REDIS_URL");
    unsetenv ("ZRB_INGEST_MAX_IN_FLIGHT");
    assert_non_null (config);
    assert_string_equal (config->url, "unix:///tmp/other.sock");
    assert_int_equal (config->max_in_flight, 77);
    config_destroy (&config);
}

static void s_expect_variable_error (fixture_t *self, const char *variable, const char *value, const char *expected)
{
    setenv (variable, value, 1);
    config_t *config = config_new (NULL, self->error, sizeof self->error);
    unsetenv (variable);
    assert_null (config);
    assert_string_equal (self->error, expected);
}

static void test_environment_is_checked_like_the_file (void **state)
{
    s_expect_variable_error (
        *state, "ZRB_INGEST_MAX_IN_FLIGHT", "0", "ZRB_INGEST_MAX_IN_FLIGHT: 0 is not from 1 to 16777216");
    s_expect_variable_error (*state, "ZRB_FANOUT_HWM", "12x", "ZRB_FANOUT_HWM: \"12x\" is not an integer");
    s_expect_variable_error (*state, "ZRB_FANOUT_HWM", "", "ZRB_FANOUT_HWM: \"\" is not an integer");
    s_expect_variable_error (
        *state, "ZRB_FANOUT_HWM", "99999999999999999999", "ZRB_FANOUT_HWM: \"99999999999999999999\" is not an integer");
    s_expect_variable_error (*state, "ZRB_REDIS_MODE", "x", "ZRB_REDIS_MODE: \"x\" is not one of embedded, server");
    s_expect_variable_error (
        *state, "ZRB_INGEST_PULL", "tcp://127.0.0.1:1", "ZRB_INGEST_PULL: a list can only be set in the file");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_shipped_file_has_every_key_with_default_and_comment),
        cmocka_unit_test_setup_teardown (test_shipped_file_means_the_defaults, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_each_default_passes_its_own_check, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_defaults_are_the_contracts, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_values_are_taken, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_unknown_keys_and_sections_are_told_with_their_line, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_what_the_shipped_file_shows_means_the_defaults, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_the_first_policy_that_matches_counts, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_a_channel_without_a_policy_has_the_defaults, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_workers_are_taken_in_the_files_order, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_mistakes_in_sections_that_stand_many_times_are_told, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_the_first_error_of_the_file_is_told, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_wrong_types_are_told, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_numbers_out_of_range_are_told, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_words_outside_of_their_set_are_told, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_endpoints_are_checked, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_prefix_is_checked, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_url_is_checked_and_its_password_never_shown, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_url_of_an_overlong_socket_is_refused, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_syntax_errors_are_told_with_their_line, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_bytes_that_are_no_toml_are_refused_in_one_line, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_files_that_cannot_be_read_are_told, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_environment_overrides_the_file, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_environment_is_checked_like_the_file, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
