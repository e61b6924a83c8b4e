//  args - reads a command line by the table; see args.h.

#include "args.h"
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "defaults.h"
#include "help.h"
#include "zrb.h"

enum { OPTIONS_MOST = 48, LONG_FIRST = 256 };

typedef struct {
    const option_t *row;
    const char **values;
    size_t count;
    uint64_t number;
    double real;
    bool given;
} value_t;

struct args_s {
    const command_t *command;
    value_t values[OPTIONS_MOST];
    size_t option_count;
    char **operands;  //  argv's
    size_t operand_count;
    char **words;  //  argv's, behind --; NULL: there was none
    defaults_t *defaults;
};

//  Reading values

//  Returns 0, or -1 when it is none or out of its range.
static int s_read_count (uint64_t *to, const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull (text, &end, 10);
    uint64_t unit = *end == 'k' ? 1000 : *end == 'M' ? 1000000 : 1;
    if (errno || text[0] < '0' || text[0] > '9' || (unit > 1 ? end[1] : *end) || value > most / unit) {
        return -1;
    }
    *to = value * unit;
    return *to < least ? -1 : 0;
}

static int s_read_number (double *to, const char *text, double most)
{
    char *end;
    *to = strtod (text, &end);
    double unit = *end == 'k' ? 1e3 : *end == 'M' ? 1e6 : 1;
    *to *= unit;
    bool is_plain = strspn (text, "0123456789.") == (size_t)(end - text) && end > text;
    return is_plain && !(unit > 1 ? end[1] : *end) && *to >= 1e-3 && *to <= most ? 0 : -1;
}

int time_read (uint64_t *ms, const char *text)
{
    static const struct {
        const char *word;
        uint64_t ms;
    } units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end;
    double number = strtod (text, &end);
    if (end == text || strspn (text, "0123456789.") != (size_t)(end - text)) {
        return -1;
    }
    for (size_t at = 0; at < sizeof units / sizeof *units; at++) {
        if (strcmp (end, units[at].word) == 0 && number * (double)units[at].ms < 9e15) {
            *ms = (uint64_t)(number * (double)units[at].ms + 0.5);
            return 0;
        }
    }
    return -1;
}

static int s_read_time (value_t *value, const char *text)
{
    return time_read (&value->number, text) || value->number < value->row->least || value->number > value->row->most
               ? -1
               : 0;
}

static void s_keep (value_t *value, const char *text)
{
    value->count = value->row->kind == OPTION_LIST ? value->count + 1 : 1;
    value->values = realloc (value->values, value->count * sizeof *value->values);
    assert (value->values);
    value->values[value->count - 1] = text;
}

//  Takes a value that stood at `where`, "--count". Returns 0, or an exit status.
static int s_set (value_t *value, const char *text, const char *where)
{
    const option_t *row = value->row;
    switch (row->kind) {
    case OPTION_COUNT:
        if (s_read_count (&value->number, text, row->least, row->most)) {
            return zrb_complain (
                ZRB_USAGE, "%s wants an integer from %" PRIu64 " to %" PRIu64, where, row->least, row->most);
        }
        break;
    case OPTION_TIME:
        if (s_read_time (value, text)) {
            return zrb_complain (ZRB_USAGE,
                "%s wants %" PRIu64 " to %" PRIu64 " milliseconds, or a time as 10s, 5m, 2h, 1d, not \"%.64s\"", where,
                row->least, row->most, text);
        }
        break;
    case OPTION_NUMBER:
    case OPTION_SECONDS:
        if (s_read_number (&value->real, text, (double)row->most)) {
            return zrb_complain (ZRB_USAGE, "%s wants %s from 0.001 to %" PRIu64 "M", where,
                row->kind == OPTION_SECONDS ? "seconds" : "a number", row->most / 1000000);
        }
        break;
    case OPTION_FLAG:
    case OPTION_TEXT:
    case OPTION_LIST:
    case OPTION_FILE:
        break;
    }
    s_keep (value, text ? text : "");
    return 0;
}

//  Where an option's value may come from

static const char *s_where (char *to, size_t size, const option_t *row)
{
    snprintf (to, size, "--%s", row->name);
    return to;
}

//  What the environment, the configuration file or the table says for options that were not given.
static int s_set_defaults (args_t *self)
{
    for (size_t at = 0; at < self->option_count; at++) {
        value_t *value = &self->values[at];
        const char *text = NULL, *where = "";
        if (!value->given && value->row->environment) {
            text = defaults_text (self->defaults, value->row, &where);
        }
        text = text || value->given ? text : value->row->standard;
        int status = text ? s_set (value, text, where) : 0;
        if (status) {
            return status;
        }
    }
    return 0;
}

static void s_fill_getopt (const args_t *self, struct option *longs, char *shorts)
{
    *shorts++ = ':';
    for (size_t at = 0; at < self->option_count; at++) {
        const option_t *row = self->values[at].row;
        char letter = command_letter (self->command, at);
        longs[at] = (struct option){row->name, row->word != NULL, NULL, LONG_FIRST + (int)at};
        if (letter) {
            *shorts++ = letter;
            if (row->word) {
                *shorts++ = ':';
            }
        }
    }
    *shorts = 0;
}

//  The number of what getopt_long returned; option_count when there is none.
static size_t s_row (const args_t *self, int option)
{
    size_t at = option >= LONG_FIRST ? (size_t)(option - LONG_FIRST) : 0;
    while (option < LONG_FIRST && at < self->option_count && command_letter (self->command, at) != option) {
        at++;
    }
    return option == '?' || option == ':' ? self->option_count : at;
}

static int s_read_option (args_t *self, int option, const char *word)
{
    size_t at = s_row (self, option);
    char where[64];
    if (option == ':') {
        return zrb_complain (ZRB_USAGE, "%.64s wants a value; see zrb %s --help", word, self->command->name);
    }
    if (at == self->option_count) {
        return zrb_complain (
            ZRB_USAGE, "%s knows no option %.64s; see zrb %s --help", self->command->name, word, self->command->name);
    }
    value_t *value = &self->values[at];
    value->given = true;
    return s_set (value, optarg, s_where (where, sizeof where, value->row));
}

//  How many words stand behind --; getopt brings operands and options in order in front of them.
static int s_words_behind (int argc, char *argv[])
{
    for (int at = 1; at < argc; at++) {
        if (strcmp (argv[at], "--") == 0) {
            return argc - at - 1;
        }
    }
    return 0;
}

//  Returns 0, or an exit status.
static int s_read_options (args_t *self, int argc, char *argv[])
{
    struct option longs[OPTIONS_MOST + 1] = {{NULL, 0, NULL, 0}};
    char shorts[2 * OPTIONS_MOST + 3];
    int option, status = 0, behind = s_words_behind (argc, argv);
    s_fill_getopt (self, longs, shorts);
    opterr = 0;
    optind = 0;  //  begins anew, whoever used it before
    while (status == 0 && (option = getopt_long (argc, argv, shorts, longs, NULL)) >= 0) {
        status = s_read_option (self, option, argv[optind - 1]);
    }
    self->operands = argv + optind;
    self->operand_count = (size_t)(argc - optind);
    if (behind && self->command->takes_command) {
        self->words = argv + argc - behind;
        self->operand_count -= (size_t)behind;
    }
    return status;
}

static int s_check_operands (const args_t *self)
{
    const command_t *command = self->command;
    if (self->operand_count < command->least) {
        return zrb_complain (
            ZRB_USAGE, "%s wants %s; see zrb %s --help", command->name, command->operands, command->name);
    }
    if (self->operand_count > command->most) {
        return zrb_complain (ZRB_USAGE, "%s takes no \"%.64s\"; see zrb %s --help", command->name,
            self->operands[command->most], command->name);
    }
    return 0;
}

args_t *args_new (const command_t *command, int argc, char *argv[], int *status)
{
    args_t *self = calloc (1, sizeof *self);
    assert (self);
    self->command = command;
    const option_t *row;
    while ((row = command_option (command, self->option_count))) {
        assert (self->option_count < OPTIONS_MOST);
        self->values[self->option_count++].row = row;
    }
    *status = s_read_options (self, argc, argv);
    bool wants_help = *status == 0 && args_flag (self, "help");
    if (wants_help) {
        help_print_command (command);
    } else if (*status == 0) {
        self->defaults = defaults_new (status);
    }
    *status = *status || wants_help ? *status : s_set_defaults (self);
    *status = *status || wants_help ? *status : s_check_operands (self);
    if (*status || wants_help) {
        args_destroy (&self);
    }
    return self;
}

void args_destroy (args_t **self_p)
{
    args_t *self = *self_p;
    if (self) {
        for (size_t at = 0; at < self->option_count; at++) {
            free (self->values[at].values);
        }
        defaults_destroy (&self->defaults);
        free (self);
        *self_p = NULL;
    }
}

static const value_t *s_value (const args_t *self, const char *option)
{
    for (size_t at = 0; at < self->option_count; at++) {
        if (strcmp (self->values[at].row->name, option) == 0) {
            return &self->values[at];
        }
    }
    assert (!"an option of the table");
    abort ();
}

bool args_given (const args_t *self, const char *option)
{
    return s_value (self, option)->given;
}

bool args_flag (const args_t *self, const char *option)
{
    return s_value (self, option)->count > 0;
}

const char *args_text (const args_t *self, const char *option)
{
    const value_t *value = s_value (self, option);
    return value->count > 0 ? value->values[value->count - 1] : NULL;
}

uint64_t args_count (const args_t *self, const char *option)
{
    return s_value (self, option)->number;
}

double args_number (const args_t *self, const char *option)
{
    return s_value (self, option)->real;
}

size_t args_list (const args_t *self, const char *option, const char *const **values)
{
    const value_t *value = s_value (self, option);
    *values = (const char *const *)value->values;
    return value->count;
}

size_t args_operands (const args_t *self)
{
    return self->operand_count;
}

const char *args_operand (const args_t *self, size_t at)
{
    return at < self->operand_count ? self->operands[at] : NULL;
}

char *const *args_command (const args_t *self)
{
    return self->words;
}

char *const *args_operand_list (const args_t *self)
{
    return self->operands;
}
