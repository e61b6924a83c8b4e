//  printer - prints messages as --raw, --json and --format say. Main's thread.

#ifndef PRINTER_H_INCLUDED
#define PRINTER_H_INCLUDED

#include "args.h"
#include "output.h"

//  The options of subcommands that print messages; --json is a common one.
#define PRINTER_OPTIONS                                                                                                \
    {"raw", 'r', OPTION_FLAG, NULL, NULL, 0, 0, "print the payloads alone, a newline behind each", NULL},              \
    {                                                                                                                  \
        "format", 'f', OPTION_TEXT, "TEXT", NULL, 0, 0, "print TEXT, with %c %i %t %d %h %p %s, \\n and \\t in it",    \
            NULL                                                                                                       \
    }

//  What else their --help says.
#define PRINTER_ABOUT                                                                                                  \
    "In --format stand %c for the channel, %i id, %t time_ms, %d date, %h headers, %p payload, %s its size.\n"

typedef struct {
    const char *format;  //  NULL: as is_raw, is_json, or for people
    bool is_raw, is_json;
} printer_t;

//  Returns 0, or an exit status with a line on stderr. Borrows the arguments.
int printer_init (printer_t *self, const args_t *args);

void printer_message (const printer_t *self, span_t channel, const envelope_t *envelope);

//  Prints the messages of a reply, [[channel, envelope], …]. Returns how many, up to `most`; SIZE_MAX when they are none.
size_t printer_messages (const printer_t *self, answer_t *answer, size_t most);

//  Reads the next [channel, envelope, …] at the cursor, which moves past it. False when it is none.
bool message_next (cursor_t *at, span_t *channel, envelope_t *envelope);

//  Tells a reply's gaps on stderr, [[channel, first, last, why], …].
void print_gaps (answer_t *answer);

#endif
