//  hand - a job and its time.

#include "hand.h"
#include <signal.h>
#include <sys/wait.h>
#include "job.h"
#include "output.h"

#define MS_NS UINT64_C (1000000)

enum {
    GRACE_MS = 5000,         //  between SIGTERM and SIGKILL
    MOST_DELAY_MS = 3600000  //  that a delay grows to
};

int hand_start (hand_t *self, const task_t *task, const envelope_t *envelope)
{
    job_t job = {.endpoint = task->endpoint,
        .channel = self->channel,
        .group = task->group,
        .id = self->id,
        .lease = self->lease,
        .attempt = self->attempt,
        .time_ms = envelope->time_ms,
        .headers = envelope->headers,
        .payload = envelope->payload};
    self->start_ns = clock_ns ();
    self->touch_ns = self->start_ns + task->lease_ms * MS_NS / 3;
    self->end_ns = task->max_time_ms ? self->start_ns + task->max_time_ms * MS_NS : UINT64_MAX;
    self->pid = job_start (&job, task->command, task->output);
    self->state = self->pid < 0 ? HAND_HELD : HAND_RUNS;
    return self->pid < 0 ? -1 : 0;
}

bool hand_has_ended (hand_t *self)
{
    return waitpid (self->pid, &self->status, WNOHANG) == self->pid;
}

void hand_kill (const hand_t *self, int number)
{
    if (kill (-self->pid, number)) {
        kill (self->pid, number);
    }
}

void hand_end_late (hand_t *self)
{
    hand_kill (self, self->late ? SIGKILL : SIGTERM);
    self->end_ns = self->late ? UINT64_MAX : clock_ns () + GRACE_MS * MS_NS;
    self->late = true;
}

bool hand_is_good (const hand_t *self)
{
    return WIFEXITED (self->status) && WEXITSTATUS (self->status) == 0;
}

const char *hand_reason (const hand_t *self, const task_t *task, char *to)
{
    if (self->late) {
        snprintf (to, HAND_REASON, "ran longer than %" PRIu64 " ms", task->max_time_ms);
    } else if (WIFSIGNALED (self->status)) {
        snprintf (to, HAND_REASON, "ended by signal %d", WTERMSIG (self->status));
    } else {
        snprintf (to, HAND_REASON, "exit status %d", WEXITSTATUS (self->status));
    }
    return to;
}

uint64_t hand_delay_ms (const hand_t *self, const task_t *task)
{
    uint64_t delay_ms = task->delay_ms;
    for (uint64_t attempt = 1; attempt < self->attempt && delay_ms < MOST_DELAY_MS; attempt++) {
        delay_ms *= 2;
    }
    return task->delay_ms > MOST_DELAY_MS ? task->delay_ms : delay_ms < MOST_DELAY_MS ? delay_ms : MOST_DELAY_MS;
}

void hand_print (const hand_t *self, const char *outcome)
{
    printf ("{");
    json_pair (stdout, "channel", span_text (self->channel));
    printf (", \"id\": %" PRIu64 ", \"lease\": %" PRIu64 ", \"attempt\": %" PRIu64 ", \"outcome\": \"%s\", ", self->id,
        self->lease, self->attempt, outcome);
    if (WIFEXITED (self->status)) {
        printf ("\"exit\": %d, ", WEXITSTATUS (self->status));
    } else {
        printf ("\"signal\": %d, ", WTERMSIG (self->status));
    }
    printf ("\"ms\": %" PRIu64 "}\n", (clock_ns () - self->start_ns) / MS_NS);
}
