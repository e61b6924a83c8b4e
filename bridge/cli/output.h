//  output - what the subcommands print: JSON, tables, times. Main's thread.
//
//  JSON is one object a line. msgpack becomes JSON so: str and bin alike are strings where they are UTF-8; else a map's
//  key K becomes "K_base64" with the bytes in base64, and in arrays they are {"base64": …}. What JSON doesn't have is
//  null.

#ifndef OUTPUT_H_INCLUDED
#define OUTPUT_H_INCLUDED

#include <stdio.h>
#include "asker.h"
#include "envelope.h"

//  The value at the cursor, which moves past it.
void json_value (FILE *to, cursor_t *value);

//  A string with its quotes; what is not UTF-8 becomes {"base64": …}.
void json_text (FILE *to, span_t text);

//  "key": "text", or "key_base64": "…".
void json_pair (FILE *to, const char *key, span_t text);

//  {"channel", "id", "time_ms", "headers", "payload", without the closing brace, for what a taken message has besides.
void json_message (FILE *to, span_t channel, const envelope_t *envelope);

//  A reply's map, without seq and ok, and a newline.
void json_answer (FILE *to, answer_t *answer);

//  A table: what it is given is kept until it is printed, when the columns' widths are known. Where the terminal is too
//  narrow, the widest column to the left is cut, with "…".
typedef struct table_s table_t;

typedef struct {
    const char *title;
    bool is_number;  //  to the right
} column_t;

table_t *table_new (const column_t *columns, size_t count);
void table_destroy (table_t **self_p);

//  The next cell, row by row; control characters are shown as "?".
void table_cell (table_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

//  To stdout, titles first; width 0: no limit.
void table_print (table_t *self, size_t width);

//  Columns of the terminal that stdout is; 0: it is none.
size_t output_width (void);

//  Whether stdout is a terminal that may have colour: NO_COLOR is not set, and TERM is not "dumb".
bool output_has_colour (void);

//  Whether stderr is a terminal: progress is told there, else not.
bool output_has_progress (void);

//  Flushes stdout. Returns 0, or ZRB_BAD with a line on stderr when it can't be written.
int output_flush (void);

//  Text that a terminal may show: writes printable text of `text`, with "?" for control characters and what isn't UTF-8.
void print_shown (FILE *to, span_t text);

//  "1.2 s", "3 min", "5 h", "2 d" of milliseconds. `to` holds AGE_SIZE bytes; returns it.
enum { AGE_SIZE = 24 };
const char *age_text (char *to, uint64_t ms);

//  "2026-01-31 12:00:00.000", local time. `to` holds TIME_SIZE bytes; returns it.
enum { TIME_SIZE = 40 };
const char *time_text (char *to, uint64_t time_ms);

//  Milliseconds since 1970 by this machine's clock.
uint64_t now_ms (void);

#endif
