//  runner - one thread of a run: a sender, a receiver, a reader, or all takers. What they have in common: the payload's
//  head, the checks of what comes, the results.
//
//  Main makes a runner, starts its thread, waits for its end, and only then looks at its results; `done` and what
//  stands in run_t are atomic, and all that threads share.

#ifndef RUNNER_H_INCLUDED
#define RUNNER_H_INCLUDED

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include "envelope.h"
#include "histogram.h"
#include "plan.h"
#include "tally.h"

//  The head of each payload, in the machine's own byte order: only this process reads it.
typedef struct {
    uint16_t run;  //  the low bits of the plan's
    uint16_t producer;
    uint32_t number;  //  0, 1, 2 … of that producer; channel number % channels
    uint64_t due_ns;  //  when it was due, or without a rate sent
} stamp_t;

enum { GRAIN_NS = 100000000 };  //  nobody sleeps longer without looking up

typedef struct {
    const plan_t *plan;
    void *context;          //  of ZeroMQ
    const uint8_t *filler;  //  what a payload holds behind its head; plan->size bytes
    uint64_t start_ns;
    uint64_t before;            //  with --channel: its highest id before the run; else 0
    uint32_t *sent;             //  of each producer; final once goal is set
    int ended;                  //  an eventfd: counts runners that have ended
    atomic_bool stop;           //  senders end, and receivers wait no longer than it takes
    atomic_uint producing;      //  senders that have not ended
    atomic_uint_fast64_t goal;  //  messages sent in all; UINT64_MAX while there are senders
    sem_t room;                 //  stream with in_flight: deliveries that may still be under way
} run_t;

typedef struct runner_s runner_t;
struct runner_s {
    run_t *run;
    size_t index;  //  among those that do the same
    void (*work) (runner_t *self);
    void *socket;  //  a subscriber's SUB
    pthread_t thread;
    atomic_uint_fast64_t done;  //  messages sent, received, read or settled so far
    //  Results
    histogram_t *latency;  //  nanoseconds
    tally_t *tally;        //  NULL: receives nothing
    uint64_t *ids;         //  the newest of each channel
    uint64_t late, doubles, damaged, redelivered, unsettled;
    uint64_t last_ns;  //  when the last of its messages was through
    char error[256];   //  why it ended early; empty: it did not
};

//  The caller destroys it, after runner_join if it was started.
runner_t *runner_new (run_t *run, size_t index, void (*work) (runner_t *self), bool receives);
void runner_destroy (runner_t **self_p);

void runner_start (runner_t *self);
void runner_join (runner_t *self);

//  Says why it ends early; the first reason counts. Stops the run.
void runner_fail (runner_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

//  Counts messages that are through.
void runner_did (runner_t *self, uint64_t count, uint64_t now_ns);

//  What came: an envelope of a channel.
typedef struct {
    span_t channel;
    envelope_t envelope;
    uint64_t *ids;     //  of its receiver: the newest of each channel
    uint64_t now_ns;   //  when; 0: its latency doesn't count
    bool redelivered;  //  neither its order nor its doubles count
    bool shared;       //  others receive what is missing here: holes that are filled later are in order
} arrival_t;

//  Checks it and counts it. Returns true for a message of this run that came for the first time.
bool runner_check (runner_t *self, const arrival_t *arrival);

//  How long to wait for what doesn't come: as planned, and a second once the run is stopped.
uint64_t run_patience_ns (const run_t *self);

//  May more come? False once all that was sent is there, or patience ends.
bool runner_expects (const runner_t *self, uint64_t received, uint64_t last_ns);

//  The work of each kind of runner.
void producer_push (runner_t *self);
void producer_publish (runner_t *self);
void subscriber_receive (runner_t *self);
void reader_read (runner_t *self);
void takers_take (runner_t *self);

//  A SUB that is known to be subscribed to all channels of the plan, the caller's; NULL with the reason in error.
void *subscriber_connect (const run_t *run, char *error, size_t error_size);

//  Writes a message's payload, of plan->size bytes.
void run_stamp (const run_t *self, uint8_t *to, stamp_t stamp);

//  When a producer's message is due, with a rate.
uint64_t run_due_ns (const run_t *self, size_t producer, uint32_t number);

#endif
