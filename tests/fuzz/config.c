//  config - bridge.toml and the environment, and what follows from them: policies, access rules, endpoints.
//
//  Input: the file. Its first lines are set in the environment where they are comments of the form #ZRB_REDIS_URL=value.

#include "fuzz.h"
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "access.h"
#include "config_table.h"
#include "name.h"
#include "security.h"
#include "target.h"

#define ALICE "0123456789012345678901234567890123456789"
#define BOB "9876543210987654321098765432109876543210"

enum { VARIABLES = 4, ERROR_SIZE = 512 };

//  The environment

typedef struct {
    char *names[VARIABLES];
    size_t count;
} variables_t;

//  Sets what a line "#ZRB_…=…" says. Returns false when it is something else.
static bool s_set_variable (variables_t *self, const char *line, size_t size)
{
    const char *equals = memchr (line, '=', size);
    if (self->count == VARIABLES || size < 5 || memcmp (line, "#ZRB_", 5) != 0 || !equals) {
        return false;
    }
    char *name = strndup (line + 1, (size_t)(equals - line - 1));
    char *value = strndup (equals + 1, size - (size_t)(equals + 1 - line));
    self->names[self->count++] = name;
    setenv (name, value, 1);
    free (value);
    return true;
}

static void s_set_variables (variables_t *self, const char *text, size_t size)
{
    bool more = true;
    while (more && size > 0) {
        const char *end = memchr (text, '\n', size);
        size_t line = end ? (size_t)(end - text) : size;
        more = s_set_variable (self, text, line) && end;
        text += more ? line + 1 : 0;
        size -= more ? line + 1 : 0;
    }
}

static void s_unset_variables (variables_t *self)
{
    while (self->count > 0) {
        unsetenv (self->names[--self->count]);
        free (self->names[self->count]);
    }
}

//  The file

static config_t *s_read (const void *data, size_t size, char *error, char *path, size_t path_size)
{
    static int file = -1;
    if (file < 0) {
        file = memfd_create ("b.toml", 0);
    }
    snprintf (path, path_size, "/proc/self/fd/%d", file);
    int rc = ftruncate (file, 0);
    assert (rc == 0 && pwrite (file, data, size, 0) == (ssize_t)size);
    error[0] = 0;
    return config_new (path, error, ERROR_SIZE);
}

static bool s_begins (const char *text, const char *beginning)
{
    return strncmp (text, beginning, strlen (beginning)) == 0;
}

//  What follows file and line in an error.
static const char *s_behind_line (const char *error, const char *path, const char *data, size_t size)
{
    unsigned long lines = 1;
    for (size_t i = 0; i < size; i++) {
        lines += data[i] == '\n';
    }
    assert (s_begins (error, path) && error[strlen (path)] == ':');
    char *end;
    unsigned long line = strtoul (error + strlen (path) + 1, &end, 10);
    assert (line >= 1 && line <= lines && s_begins (end, ": "));
    return end + 2;
}

//  One line that begins with file and line, or with the variable; never with what redis.url says.
static void s_check_error (const char *error, const char *path, const char *data, size_t size)
{
    static const char *const url_flaws[] = {"not redis://[user:", "the path of a unix socket", "wants a string, not a"};
    for (const char *at = error; *at; at++) {
        assert (!iscntrl ((unsigned char)*at));
    }
    const char *rest = s_begins (error, "ZRB_") ? error : s_behind_line (error, path, data, size);
    const char *what = strstr (rest, ": ");
    if (s_begins (rest, "redis.url: ") || s_begins (rest, "ZRB_REDIS_URL: ")) {
        assert (s_begins (what + 2, url_flaws[0]) || s_begins (what + 2, url_flaws[1]) ||
                s_begins (what + 2, url_flaws[2]) || strstr (what, ": unknown "));
    }
    assert (*rest);
}

//  Values

static void *s_field (const void *in, const config_key_t *row)
{
    return (char *)in + row->offset;
}

static bool s_is_one_of (const char *text, const char *words)
{
    size_t size = strlen (text);
    for (const char *at = words; size > 0 && (at = strstr (at, text)); at++) {
        if ((at == words || at[-1] == ' ') && (!at[size] || at[size] == ',')) {
            return true;
        }
    }
    return false;
}

static void s_check_text (const config_key_t *row, const char *text)
{
    assert (text);
    assert (row->words ? s_is_one_of (text, row->words) : !row->check || !row->check (text));
}

static void s_check_value (const void *in, const config_key_t *row)
{
    const strings_t *list = s_field (in, row);
    const int64_t *number = s_field (in, row);
    switch (row->type) {
    case KEY_TEXT:
        s_check_text (row, *(char **)s_field (in, row));
        break;
    case KEY_COUNT:
        assert (*number >= row->min && *number <= row->max);
        break;
    case KEY_FLAG:
        break;
    case KEY_LIST:
        assert (list->count >= (size_t)row->min);
        for (size_t i = 0; i < list->count; i++) {
            s_check_text (row, list->items[i]);
        }
    }
}

static void s_check_same (const void *one, const void *other, const config_key_t *row)
{
    const strings_t *list = s_field (one, row), *other_list = s_field (other, row);
    switch (row->type) {
    case KEY_TEXT:
        assert (strcmp (*(char **)s_field (one, row), *(char **)s_field (other, row)) == 0);
        break;
    case KEY_COUNT:
        assert (*(int64_t *)s_field (one, row) == *(int64_t *)s_field (other, row));
        break;
    case KEY_FLAG:
        assert (*(bool *)s_field (one, row) == *(bool *)s_field (other, row));
        break;
    case KEY_LIST:
        assert (list->count == other_list->count);
        for (size_t i = 0; i < list->count; i++) {
            assert (strcmp (list->items[i], other_list->items[i]) == 0);
        }
    }
}

static void s_write_text (FILE *to, const char *text)
{
    fputc ('"', to);
    for (; *text; text++) {
        bool plain = (unsigned char)*text >= 0x20 && *text != 0x7f && *text != '"' && *text != '\\';
        fprintf (to, plain ? "%c" : "\\u%04x", (unsigned char)*text);
    }
    fputc ('"', to);
}

static void s_write_value (FILE *to, const void *in, const config_key_t *row)
{
    const strings_t *list = s_field (in, row);
    fprintf (to, "%s = ", row->key);
    switch (row->type) {
    case KEY_TEXT:
        s_write_text (to, *(char **)s_field (in, row));
        break;
    case KEY_COUNT:
        fprintf (to, "%" PRId64, *(int64_t *)s_field (in, row));
        break;
    case KEY_FLAG:
        fputs (*(bool *)s_field (in, row) ? "true" : "false", to);
        break;
    case KEY_LIST:
        fputc ('[', to);
        for (size_t i = 0; i < list->count; i++) {
            s_write_text (to, list->items[i]);
            fputc (',', to);
        }
        fputc (']', to);
    }
    fputc ('\n', to);
}

//  Sections

//  What is done with each value: it is written to `to`; without that compared with the other's; without that checked.
static void s_on_value (FILE *to, const void *one, const void *other, const config_key_t *row)
{
    if (to) {
        s_write_value (to, one, row);
    } else if (other) {
        s_check_same (one, other, row);
    } else {
        s_check_value (one, row);
    }
}

static void s_each_single (FILE *to, const config_t *one, const config_t *other)
{
    const char *section = "";
    for (const config_key_t *row = config_table; row < config_table + config_table_size; row++) {
        if (config_many_of (row->section)) {
            continue;
        }
        if (to && strcmp (row->section, section) != 0) {
            fprintf (to, "[%s]\n", row->section);
        }
        section = row->section;
        s_on_value (to, one, other, row);
    }
}

static const char *s_section (const config_t *config, const config_many_t *many, size_t index, size_t *count)
{
    const sections_t *sections = (const void *)((const char *)config + many->offset);
    *count = sections->count;
    return (const char *)sections->items + index * many->size;
}

static void s_each_many (FILE *to, const config_t *one, const config_t *other, const config_many_t *many)
{
    size_t count, other_count;
    s_section (one, many, 0, &count);
    s_section (other ? other : one, many, 0, &other_count);
    assert (count == other_count);
    for (size_t i = 0; i < count; i++) {
        if (to) {
            fprintf (to, "[[%s]]\n", many->name);
        }
        for (const config_key_t *row = config_table; row < config_table + config_table_size; row++) {
            if (config_many_of (row->section) == many) {
                s_on_value (
                    to, s_section (one, many, i, &count), other ? s_section (other, many, i, &count) : NULL, row);
            }
        }
    }
}

static void s_each_value (FILE *to, const config_t *one, const config_t *other)
{
    s_each_single (to, one, other);
    for (size_t i = 0; i < config_many_size; i++) {
        s_each_many (to, one, other, &config_many[i]);
    }
}

//  Written out by the table of keys, it is read as the same.
static void s_check_written (const config_t *config)
{
    char *text = NULL, error[ERROR_SIZE], path[64];
    size_t size = 0;
    FILE *to = open_memstream (&text, &size);
    s_each_value (to, config, NULL);
    fclose (to);
    config_t *again = s_read (text, size, error, path, sizeof path);
    if (!again) {
        fprintf (stderr, "%s\n%s", error, text);
    }
    assert (again);
    s_each_value (NULL, config, again);
    config_destroy (&again);
    free (text);
}

//  Access rules

static bool s_list_matches (const strings_t *list, span_t channel)
{
    for (size_t i = 0; i < list->count; i++) {
        if (glob_matches (span_text (list->items[i]), channel)) {
            return true;
        }
    }
    return false;
}

//  The first rule whose client matches; NULL: none.
static const rule_t *s_rule (const config_t *config, const char *client)
{
    const rule_t *rules = config->rules.items;
    for (size_t i = 0; i < config->rules.count; i++) {
        if (glob_matches (span_text (rules[i].client), span_text (client))) {
            return &rules[i];
        }
    }
    return NULL;
}

static bool s_is_allowed (const config_t *config, const char *client, right_t right, span_t channel)
{
    const rule_t *rule = s_rule (config, client);
    if (!rule) {
        return config->rules.count == 0 && right != RIGHT_ADMIN && glob_matches (span_text ("*"), channel);
    }
    const strings_t *const lists[RIGHT_COUNT] = {[RIGHT_PUBLISH] = &rule->publish,
        [RIGHT_SUBSCRIBE] = &rule->subscribe,
        [RIGHT_CONSUME] = &rule->consume,
        [RIGHT_ADMIN] = &rule->admin};
    return s_list_matches (lists[right], channel);
}

//  Who may subscribe to a prefix may also subscribe to a longer one where the entry ends in '*', and to nothing that no
//  entry begins.
static bool s_is_covered (const config_t *config, const char *client, const char *prefix)
{
    const rule_t *rule = s_rule (config, client);
    bool covered = strcmp (prefix, "$heads") == 0 || (!rule && config->rules.count == 0);
    for (size_t i = 0; rule && i < rule->subscribe.count; i++) {
        const char *entry = rule->subscribe.items[i], *star = strchr (entry, '*');
        size_t size = star ? (size_t)(star - entry) : strlen (prefix) + 1;
        covered = covered || (star ? strncmp (entry, prefix, size) == 0 : strcmp (entry, prefix) == 0);
    }
    return covered;
}

//  Each channel is asked twice, since the last answer is remembered.
static void s_check_right (const config_t *config, access_t *access, const char *client, const char *key, right_t right)
{
    static const char *const channels[] = {"orders", "jobs.1", "orders.eu", "$rejected", "x"};
    for (size_t i = 0; i < 2 * sizeof channels / sizeof *channels; i++) {
        span_t channel = span_text (channels[i / 2]);
        bool allowed = s_is_allowed (config, client, right, channel);
        assert (access_allows (access, key, right, channel) == allowed);
    }
    assert (!access_allows (access, NULL, right, span_text ("orders")));
    assert (!access_allows (access, "nobody's", right, span_text ("orders")));
}

static void s_check_access (const config_t *config)
{
    static const char *const prefixes[] = {"", "o", "orders", "orders.", "$", "$heads", "x"};
    static const struct {
        const char *name, *key;
    } known[] = {{"alice", ALICE}, {"bob", BOB}};
    client_t items[] = {{"alice", ALICE}, {"bob", BOB}};
    clients_t clients = {items, 2};
    access_t *access = access_new (&clients, config);
    for (size_t i = 0; i < 2 * RIGHT_COUNT; i++) {
        s_check_right (config, access, known[i % 2].name, known[i % 2].key, i / 2);
    }
    for (size_t i = 0; i < 2 * sizeof prefixes / sizeof *prefixes; i++) {
        bool covered = s_is_covered (config, known[i % 2].name, prefixes[i / 2]);
        assert (access_allows_topic (access, known[i % 2].key, span_text (prefixes[i / 2])) == covered);
    }
    assert (!access_allows_topic (access, NULL, span_text ("$heads")));
    access_destroy (&access);
}

//  Files that it names are not opened.
static void s_check_consequences (config_t *config)
{
    target_t target;
    char text[ERROR_SIZE] = "";
    int rc = target_parse (&target, config->url);
    assert (rc == 0);
    target_describe (&target, text, sizeof text);
    assert (*text);
    target_clear (&target);
    limits_t limits = config_limits (config, span_text ("$rejected"));
    assert (limits.max_messages >= 1 && limits.max_messages <= LIMIT_REJECTED_MESSAGES);
    const policy_t *policy = config_policy (config, span_text ("orders")), *policies = config->policies.items;
    assert (policy >= policies && policy <= policies + config->policies.count);
    if (!config->curve && security_prepare (config, text, sizeof text)) {
        assert (strchr (text, ':') && !strchr (text, '\n'));
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    variables_t variables = {.count = 0};
    char error[ERROR_SIZE], path[64];
    s_set_variables (&variables, (const char *)data, size);
    config_t *config = s_read (data, size, error, path, sizeof path);
    if (config) {
        s_each_value (NULL, config, NULL);
        s_check_consequences (config);
        s_check_access (config);
        s_unset_variables (&variables);
        s_check_written (config);
        config_destroy (&config);
    } else {
        s_check_error (error, path, (const char *)data, size);
    }
    s_unset_variables (&variables);
    return 0;
}
