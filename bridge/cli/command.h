//  command - the table of subcommands and their options: it drives parsing, --help, the man page and the completions.
//
//  Each subcommand's row stands in its own file, and commands.c lists the rows. Constant; any thread may read it.

#ifndef COMMAND_H_INCLUDED
#define COMMAND_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct args_s;

typedef enum {
    OPTION_FLAG,    //  there or not
    OPTION_TEXT,    //  any text
    OPTION_LIST,    //  any text; may be given more than once
    OPTION_FILE,    //  a path; completions offer files
    OPTION_COUNT,   //  an integer from least to most, which may end in k or M
    OPTION_TIME,    //  milliseconds, or a number with ms, s, m, h or d; kept in milliseconds, from least to most
    OPTION_NUMBER,  //  a number from 0.001 to most, which may end in k or M
    OPTION_SECONDS  //  as OPTION_NUMBER
} option_kind_t;

typedef struct {
    const char *name;
    char letter;  //  0: none
    option_kind_t kind;
    const char *word;      //  what the value is called; NULL for a flag
    const char *standard;  //  the value when none is given; NULL: none
    uint64_t least, most;  //  of numbers
    const char *help;      //  one line; the value by default is told behind it
    //  The variable of the environment that is taken where the command line has none; in the configuration file it
    //  is the key, in lower case and without ZRB_. NULL: the command line alone.
    const char *environment;
} option_t;

typedef struct {
    const char *name;
    const char *operands;  //  as in the usage line; "" for none
    size_t least, most;    //  number of operands
    bool takes_command;    //  what stands behind -- is a command to run
    const char *does;      //  a line without full stop: it begins "publishes …"
    const char *about;     //  what else is to be known: lines of up to 100 columns, "" for none
    const char *statuses;  //  what its exit statuses mean where that is not the usual; NULL: the usual
    const option_t *options;
    size_t option_count;
    const char *examples;                    //  "zrb …" with what it does behind #, a line each
    int (*run) (const struct args_s *args);  //  returns the exit status
} command_t;

#define OPTIONS(array) .options = array, .option_count = sizeof array / sizeof *array

//  The options that each subcommand has.
extern const option_t common_options[];
extern const size_t common_option_count;

//  All subcommands, in the order of their names; NULL ends them.
extern const command_t *const commands[];

//  NULL when there is none.
const command_t *command_find (const char *name);

//  A subcommand's option, or a common one, by number: its own come first. NULL behind the last.
const option_t *command_option (const command_t *self, size_t at);

//  The letter of that option; 0 when it has none, or another one of the subcommand has it.
char command_letter (const command_t *self, size_t at);

#endif
