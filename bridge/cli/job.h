//  job - a command at work on one message: a child process in a process group of its own, so that a terminal's Ctrl-C
//  reaches only the one who started it.

#ifndef JOB_H_INCLUDED
#define JOB_H_INCLUDED

#include <stdint.h>
#include <sys/types.h>
#include "span.h"

//  What the command gets: the payload on stdin, the rest in its environment: ZRB_ENDPOINT, ZRB_CHANNEL, ZRB_GROUP,
//  ZRB_ID, ZRB_LEASE, ZRB_ATTEMPT, ZRB_TIME_MS, and ZRB_HEADER_NAME for each header that is a str, bin, bool or number. In NAME whatever is
//  no letter or digit is an underscore. A value with a zero byte is left out, and the second of two that share a name.
typedef struct {
    const char *endpoint, *channel, *group;
    uint64_t id, lease, attempt, time_ms;
    span_t headers;  //  an encoded map, or nil
    span_t payload;
} job_t;

//  Starts the command, which writes to `output` in place of stdout. It is killed when the caller's thread ends. Returns
//  its process id, which leads its group, or -1 with errno when it can't be run.
pid_t job_start (const job_t *self, char *const argv[], int output);

#endif
