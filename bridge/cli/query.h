//  query - what the subcommands share that ask one question: its keys, its answer, the messages in that.

#ifndef QUERY_H_INCLUDED
#define QUERY_H_INCLUDED

#include "output.h"
#include "session.h"

//  A key and its value, of a request that was begun.
void key_text (msgpack_packer *packer, const char *key, const char *value);
void key_number (msgpack_packer *packer, const char *key, uint64_t value);
void key_true (msgpack_packer *packer, const char *key);

//  Prints an answer for people, or for programs where args say --json. Returns the exit status.
typedef int print_fn (const args_t *args, answer_t *answer);

//  Asks what was begun, prints the answer, and ends the session. `hint`, where it isn't NULL, stands behind a fault and
//  says what to do. Returns the exit status.
int query_end (session_t **session_p, const args_t *args, uint64_t wait_ms, const char *hint, print_fn *print);

//  Whether an answer's list has anything.
bool answer_lists (answer_t *self, const char *key);

//  One of the messages of an answer: [channel, envelope, …].
typedef struct {
    span_t channel;
    envelope_t envelope;
    cursor_t more;        //  what stands behind the envelope
    uint32_t more_count;  //  how many values
} given_t;

//  The messages of an answer: where they begin, and how many.
uint32_t answer_messages (answer_t *self, cursor_t *at);

//  Reads the next one; false, with a line on stderr, when it is none.
bool given_read (given_t *self, cursor_t *at);

//  The payload in a table, and alone with a newline.
void given_cell (const given_t *self, table_t *table);
void given_print_raw (const given_t *self);

//  Reads a number of a command line, "17"; false when it is none from 1 to 2^53.
bool number_read (uint64_t *number, const char *text, char end);

#endif
