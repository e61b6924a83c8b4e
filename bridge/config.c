//  config - reads bridge.toml and the environment by the table of keys.
//
//  The result belongs to main, which makes it before any other thread runs; afterwards all may read it and
//  none may write. Must never put a value of redis.url into an error: it may hold a password.

#include "config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config_table.h"
#include "config_toml.h"
#include "limit.h"
#include "name.h"

//  One reading: what is filled in, and where the first error goes.
typedef struct {
    config_t *config;
    const char *path;
    char *error;
    size_t error_size;
} reader_t;

//  Values land in errors, so the line must stay one line whatever they hold.
static void s_make_one_line (char *text)
{
    for (; *text; text++) {
        if (iscntrl ((unsigned char)*text)) {
            *text = '?';
        }
    }
}

//  Always -1, so that a check can end in `return s_fail (...)`.
__attribute__ ((format (printf, 3, 4))) static int s_fail (reader_t *self, const char *where, const char *format, ...)
{
    int used = snprintf (self->error, self->error_size, "%s: ", where);
    if (used >= 0 && (size_t)used < self->error_size) {
        va_list args;
        va_start (args, format);
        vsnprintf (self->error + used, self->error_size - (size_t)used, format, args);
        va_end (args);
    }
    s_make_one_line (self->error);
    return -1;
}

//  Values. `in` is what the section is kept as: the config, or one policy_t, workers_t, rule_t.

static void *s_field (void *in, const config_key_t *row)
{
    return (char *)in + row->offset;
}

static void s_set_text (void *in, const config_key_t *row, const char *text)
{
    char **field = s_field (in, row);
    free (*field);
    *field = strdup (text);
}

static void s_clear_list (strings_t *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free (list->items[i]);
    }
    free (list->items);
    *list = (strings_t){NULL, 0};
}

static void s_set_list (void *in, const config_key_t *row, const char *const *texts, size_t count)
{
    strings_t *field = s_field (in, row);
    s_clear_list (field);
    field->items = calloc (count + 1, sizeof *field->items);
    field->count = count;
    for (size_t i = 0; i < count; i++) {
        field->items[i] = strdup (texts[i]);
    }
}

static void s_set_default (void *in, const config_key_t *row)
{
    switch (row->type) {
    case KEY_TEXT:
        s_set_text (in, row, row->text);
        break;
    case KEY_COUNT:
        *(int64_t *)s_field (in, row) = row->number;
        break;
    case KEY_FLAG:
        *(bool *)s_field (in, row) = row->number;
        break;
    case KEY_LIST:
        s_set_list (in, row, &row->text, row->text != NULL);
        break;
    }
}

static void s_clear (void *in, const config_key_t *row)
{
    if (row->type == KEY_TEXT) {
        free (*(char **)s_field (in, row));
    } else if (row->type == KEY_LIST) {
        s_clear_list (s_field (in, row));
    }
}

//  Sections

static sections_t *s_sections (const config_t *config, const config_many_t *many)
{
    return (sections_t *)((char *)config + many->offset);
}

//  What the one at index is kept as; at `count` stands the one with the defaults.
static void *s_section (const config_t *config, const config_many_t *many, size_t index)
{
    return (char *)s_sections (config, many)->items + index * many->size;
}

//  Calls fn with each row of the section.
static void s_each_row (void *in, const char *section, void (*fn) (void *in, const config_key_t *row))
{
    for (size_t i = 0; i < config_table_size; i++) {
        if (strcmp (config_table[i].section, section) == 0) {
            fn (in, &config_table[i]);
        }
    }
}

//  The one that had the defaults is now the newest, and a new one has them.
static void s_add_section (config_t *config, const config_many_t *many, size_t count)
{
    sections_t *sections = s_sections (config, many);
    sections->count = count;
    sections->items = realloc (sections->items, (count + 1) * many->size);
    void *last = s_section (config, many, count);
    memset (last, 0, many->size);
    s_each_row (last, many->name, s_set_default);
}

//  True when text is one of the words of "a, b, c".
static bool s_is_one_of (const char *text, const char *words)
{
    size_t size = strlen (text);
    for (const char *word = words; *word; word += strspn (word, ", ")) {
        size_t word_size = strcspn (word, ",");
        if (word_size == size && memcmp (word, text, size) == 0) {
            return true;
        }
        word += word_size;
    }
    return false;
}

//  Values from outside

static int s_take_text (reader_t *self, void *in, const config_key_t *row, const char *where, const char *text)
{
    if (row->words && !s_is_one_of (text, row->words)) {
        return s_fail (self, where, "\"%.64s\" is not one of %s", text, row->words);
    }
    const char *wrong = row->check ? row->check (text) : NULL;
    if (wrong) {
        return s_fail (self, where, "%s", wrong);
    }
    s_set_text (in, row, text);
    return 0;
}

static int s_take_count (reader_t *self, void *in, const config_key_t *row, const char *where, int64_t number)
{
    if (number < row->min || number > row->max) {
        return s_fail (self, where, "%" PRId64 " is not from %" PRId64 " to %" PRId64, number, row->min, row->max);
    }
    *(int64_t *)s_field (in, row) = number;
    return 0;
}

static int s_take_list (
    reader_t *self, void *in, const config_key_t *row, const char *where, const char *const *texts, size_t count)
{
    if (count < (size_t)row->min) {
        return s_fail (self, where, "needs at least %" PRId64, row->min);
    }
    for (size_t i = 0; i < count; i++) {
        const char *wrong = row->check (texts[i]);
        if (wrong) {
            return s_fail (self, where, "\"%.128s\": %s", texts[i], wrong);
        }
    }
    s_set_list (in, row, texts, count);
    return 0;
}

static bool s_is_section (const char *name)
{
    for (size_t i = 0; i < config_table_size; i++) {
        if (strcmp (config_table[i].section, name) == 0) {
            return true;
        }
    }
    return false;
}

static const config_key_t *s_row (const char *section, const char *key)
{
    for (size_t i = 0; i < config_table_size; i++) {
        if (strcmp (config_table[i].section, section) == 0 && strcmp (config_table[i].key, key) == 0) {
            return &config_table[i];
        }
    }
    return NULL;
}

static int s_take_key (reader_t *self, const toml_item_t *item, const char *where)
{
    static const struct {
        toml_kind_t kind;
        const char *what;
    } wanted[] = {
        [KEY_TEXT] = {TOML_TEXT, "a string"},
        [KEY_COUNT] = {TOML_INTEGER, "an integer"},
        [KEY_FLAG] = {TOML_FLAG, "a boolean"},
        [KEY_LIST] = {TOML_LIST, "a list of strings"},
    };
    const config_key_t *row = s_row (item->section, item->key);
    if (!row) {
        return s_fail (self, where, "unknown key");
    }
    if (item->kind != wanted[row->type].kind) {
        return s_fail (self, where, "wants %s, not %s", wanted[row->type].what, item->what);
    }
    void *in = item->which ? s_section (self->config, config_many_of (item->section), item->which - 1) : self->config;
    switch (row->type) {
    case KEY_TEXT:
        return s_take_text (self, in, row, where, item->texts[0]);
    case KEY_COUNT:
        return s_take_count (self, in, row, where, item->integer);
    case KEY_FLAG:
        *(bool *)s_field (in, row) = item->integer;
        return 0;
    default:
        return s_take_list (self, in, row, where, item->texts, item->count);
    }
}

static int s_take_section (reader_t *self, const toml_item_t *item, const char *where)
{
    const config_many_t *many = config_many_of (item->section);
    if (!s_is_section (item->section)) {
        return s_fail (self, where, "unknown section");
    }
    if (!many && item->which) {
        return s_fail (self, where, "wants a section, not %s", item->what);
    }
    if (many && !item->which) {
        return s_fail (self, where, "wants [[%s]], not %s", item->section, item->what);
    }
    if (many) {
        s_add_section (self->config, many, item->which);
    }
    return 0;
}

static int s_take_item (reader_t *self, const toml_item_t *item)
{
    char where[512];
    snprintf (where, sizeof where, "%s:%u: %.64s%s%.64s", self->path, item->line, item->section,
        *item->section && *item->key ? "." : "", item->key);
    if (item->kind == TOML_SECTION) {
        return s_take_section (self, item, where);
    }
    if (!*item->section && config_many_of (item->key)) {
        return s_fail (self, where, "wants [[%s]], not %s", item->key, item->what);
    }
    if (!*item->section && s_is_section (item->key)) {
        return s_fail (self, where, "wants a section, not %s", item->what);
    }
    return s_take_key (self, item, where);
}

static int s_read_file (reader_t *self)
{
    toml_items_t *items = config_toml_new (self->path, self->error, self->error_size);
    if (!items) {
        s_make_one_line (self->error);
        return -1;
    }
    int rc = 0;
    for (size_t i = 0; i < items->count && rc == 0; i++) {
        rc = s_take_item (self, &items->items[i]);
    }
    config_toml_destroy (&items);
    return rc;
}

static int s_take_variable (reader_t *self, const config_key_t *row, const char *variable, const char *text)
{
    if (row->type == KEY_LIST) {
        return s_fail (self, variable, "a list can only be set in the file");
    }
    if (row->type == KEY_TEXT) {
        return s_take_text (self, self->config, row, variable, text);
    }
    if (row->type == KEY_FLAG) {
        if (!s_is_one_of (text, "true, false")) {
            return s_fail (self, variable, "\"%.64s\" is not one of true, false", text);
        }
        *(bool *)s_field (self->config, row) = strcmp (text, "true") == 0;
        return 0;
    }
    char *end;
    errno = 0;
    intmax_t number = strtoimax (text, &end, 10);
    if (end == text || *end || errno || isspace ((unsigned char)*text)) {
        return s_fail (self, variable, "\"%.64s\" is not an integer", text);
    }
    return s_take_count (self, self->config, row, variable, number);
}

//  Variables that name no key are not ours to judge: other programs' may begin with ZRB_ too. Sections that may stand
//  many times have none: it could not be told which of them is meant.
static int s_read_environment (reader_t *self)
{
    for (size_t i = 0; i < config_table_size; i++) {
        const config_key_t *row = &config_table[i];
        if (config_many_of (row->section)) {
            continue;
        }
        char variable[96];
        snprintf (variable, sizeof variable, "ZRB_%s_%s", row->section, row->key);
        for (char *c = variable; *c; c++) {
            *c = (char)toupper ((unsigned char)*c);
        }
        const char *text = getenv (variable);
        if (text && s_take_variable (self, row, variable, text)) {
            return -1;
        }
    }
    return 0;
}

config_t *config_new (const char *path, char *error, size_t error_size)
{
    config_t *config = calloc (1, sizeof *config);
    reader_t reader = {config, path, error, error_size};
    for (size_t i = 0; i < config_table_size; i++) {
        if (!config_many_of (config_table[i].section)) {
            s_set_default (config, &config_table[i]);
        }
    }
    for (size_t i = 0; i < config_many_size; i++) {
        s_add_section (config, &config_many[i], 0);
    }
    if ((path && s_read_file (&reader)) || s_read_environment (&reader)) {
        config_destroy (&config);
    }
    return config;
}

void config_destroy (config_t **self_p)
{
    if (!*self_p) {
        return;
    }
    for (size_t i = 0; i < config_table_size; i++) {
        if (!config_many_of (config_table[i].section)) {
            s_clear (*self_p, &config_table[i]);
        }
    }
    for (size_t i = 0; i < config_many_size; i++) {
        sections_t *sections = s_sections (*self_p, &config_many[i]);
        for (size_t s = 0; s <= sections->count; s++) {
            s_each_row (s_section (*self_p, &config_many[i], s), config_many[i].name, s_clear);
        }
        free (sections->items);
    }
    free (*self_p);
    *self_p = NULL;
}

const policy_t *config_policy (const config_t *self, span_t channel)
{
    const policy_t *policy = self->policies.items;
    for (size_t i = 0; i < self->policies.count; i++, policy++) {
        if (glob_matches (span_text (policy->match), channel)) {
            return policy;
        }
    }
    return policy;
}

limits_t config_limits (const config_t *self, span_t channel)
{
    const policy_t *policy = config_policy (self, channel);
    limits_t limits = {.acked = strcmp (policy->retain, "acked") == 0};
    if (!limits.acked) {
        limits.max_messages = (uint64_t)policy->max_messages;
        limits.max_age_ms = (uint64_t)policy->max_age_s * 1000;
        limits.max_bytes = (uint64_t)policy->max_bytes;
    }
    bool unlimited = limits.max_messages == 0 || limits.max_messages > LIMIT_REJECTED_MESSAGES;
    if (span_eq (channel, "$rejected") && unlimited) {
        limits.max_messages = LIMIT_REJECTED_MESSAGES;
    }
    return limits;
}

const workers_t *config_workers (const config_t *self, size_t index)
{
    const workers_t *workers = self->workers.items;
    assert (index < self->workers.count);
    return &workers[index];
}
