//  plan - what a run of zrb bench is to do: its mode, its options with their defaults, its channels.

#ifndef PLAN_H_INCLUDED
#define PLAN_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>
#include "keys.h"
#include "span.h"

typedef enum {
    MODE_STREAM = 1,   //  PUSH, stored, SUB
    MODE_PUBLISH = 2,  //  publish, confirmed
    MODE_QUEUE = 4,    //  publish, take, ack
    MODE_REPLAY = 8    //  stored before, replay
} plan_mode_t;

typedef enum { FORM_TEXT, FORM_JSON, FORM_CSV } plan_form_t;

enum {
    PLAN_STAMP_BYTES = 16,  //  the least size of a payload: its head tells whose it is
    PLAN_NAME_BYTES = 150   //  of --name
};

typedef struct {
    plan_mode_t mode;
    const char *ask, *push, *sub;  //  endpoints
    keys_t keys;
    const char *name;     //  the channels' first part
    const char *channel;  //  one that may be there already; NULL: channels of this run
    uint64_t producers, subscribers, takers;
    uint64_t channels;
    uint64_t size;         //  bytes of a payload
    uint64_t batch;        //  messages of one publish, take or replay
    uint64_t in_flight;    //  see the help; 0: no limit
    uint64_t count;        //  messages in all; 0: as many as fit into duration_ns
    uint64_t duration_ns;  //  0: until count
    double rate;           //  messages a second, of all producers; 0: as fast as it goes
    uint64_t patience_ns;  //  how long to wait for what doesn't come
    bool keep;             //  leave the messages in the log
    bool progress;
    plan_form_t form;
    //  Of this run
    uint32_t run;   //  a random number; its low 16 bits mark the payloads
    char *base;     //  name.run, with which all channels begin; or the channel
    char *group;    //  of the takers
    span_t *names;  //  of each channel
} plan_t;

//  Reads the arguments of zrb bench and draws a run number. Returns NULL with *status set to the exit status when they
//  are wrong: a line on stderr has told why. The plan borrows the arguments; the caller destroys it.
plan_t *plan_new (const args_t *args, int *status);
void plan_destroy (plan_t **self_p);

const char *plan_mode_name (const plan_t *self);

//  How many messages a producer sends at most.
uint32_t plan_share (const plan_t *self, size_t producer);

//  Messages of one publish: `batch`, or when a replay is prepared as many as are good.
uint64_t plan_publish_batch (const plan_t *self);

//  Messages of one replay, and how many are open at a time: as planned, or when it only checks as many as are good.
uint64_t plan_read_batch (const plan_t *self);
uint64_t plan_read_window (const plan_t *self);

//  zrb bench, in bench.c.
int bench_run (const args_t *args);

#endif
