//  peer - what the programs share that measure something beside zrbridge: arguments, payloads, time, the result's line.
//
//  Each program prints one JSON object when all its messages have come, and dies with a line on stderr when they have
//  not. Messages carry their number in the payload's head, so no two are alike.

#ifndef PEER_H_INCLUDED
#define PEER_H_INCLUDED

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

enum {
    PEER_PAYLOAD_BYTES = 100,
    PEER_NUMBER_BYTES = 8,  //  of the payload: the number, in the machine's own byte order
    PEER_IN_FLIGHT = 4096,  //  messages on their way, where a peer has no better limit of its own
    PEER_BATCH = 100,       //  messages of one take, where a peer has such
    PEER_PATIENCE_S = 30    //  for one answer
};

//  Of PROGRAM [ADDRESS] MODE COUNT.
typedef struct {
    const char *address;  //  NULL: the program takes none
    const char *mode;
    uint64_t count;
} peer_t;

//  Dies when the arguments are wrong; `modes` are the words that MODE may be, NULL at the end.
peer_t peer_new (int argc, char *argv[], int has_address, const char *const *modes);

//  True when the mode is that one.
int peer_does (const peer_t *self, const char *mode);

//  Runs a thread; `work` gets the argument.
pthread_t peer_start (void *(*work) (void *argument), void *argument);

//  A payload of PEER_PAYLOAD_BYTES, number 0; the program's for ever.
uint8_t *peer_payload (void);
void peer_stamp (void *payload, uint64_t number);

uint64_t peer_now_ns (void);

//  The result of a run that sent and received `count` messages since then.
void peer_tell_rate (const peer_t *self, uint64_t start_ns);

//  The result of a run of round trips, of which each took so long; sorts them.
void peer_tell_times (uint64_t *times_ns, size_t count);

noreturn void peer_die (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

#endif
