//  hand - one of a worker's hands: a message, the command that works on it, and how that ended. Main's thread.

#ifndef HAND_H_INCLUDED
#define HAND_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "envelope.h"
#include "limit.h"

typedef enum { HAND_FREE, HAND_RUNS, HAND_SETTLES, HAND_HELD } hand_state_t;

typedef struct {
    hand_state_t state;
    uint64_t number;  //  of what it works on, never the same twice
    char channel[LIMIT_NAME_BYTES + 1];
    uint64_t id, lease, attempt;
    pid_t pid;
    uint64_t start_ns, touch_ns, end_ns;  //  when to touch, and when to end the command
    bool touching, lost;                  //  a touch is under way; its lease is stale
    bool late, killed;                    //  it was ended by its time; by a signal to the worker
    int status;                           //  as waitpid tells it
} hand_t;

//  What each hand does alike.
typedef struct {
    const char *endpoint, *group;
    char *const *command;
    int output;  //  of the command, in place of stdout
    uint64_t lease_ms, max_time_ms, delay_ms;
} task_t;

//  Starts the command on a message; returns -1, with errno, when it can't be run.
int hand_start (hand_t *self, const task_t *task, const envelope_t *envelope);

//  Whether the command has ended; `status` is set then.
bool hand_has_ended (hand_t *self);

//  Signals the command and what it has started.
void hand_kill (const hand_t *self, int number);

//  SIGTERM when the time is over, SIGKILL a while later.
void hand_end_late (hand_t *self);

//  Whether the message is worked.
bool hand_is_good (const hand_t *self);

//  Why it is not, in words. `to` holds HAND_REASON bytes; returns it.
enum { HAND_REASON = 64 };
const char *hand_reason (const hand_t *self, const task_t *task, char *to);

//  How long the message is to wait before it is given again: twice as long with each attempt.
uint64_t hand_delay_ms (const hand_t *self, const task_t *task);

//  A line of JSON.
void hand_print (const hand_t *self, const char *outcome);

#endif
