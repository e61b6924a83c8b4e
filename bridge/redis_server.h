//  redis_server - one redis-server process, a child or a stranger's, watched through a pidfd.

#ifndef REDIS_SERVER_H_INCLUDED
#define REDIS_SERVER_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct redis_server redis_server_t;

//  Whether a redis-server is in PATH and new enough. Returns 0, or -1 with a one-line error that says
//  what to do.
int redis_server_check (char *error, size_t error_size);

//  Starts a child: its own session, default signals, and no descriptors but /dev/null, `log` for what it
//  prints, and `keep_fd`, which it holds as long as it lives. argv[0] is looked up in PATH.
//  Returns NULL with errno set.
redis_server_t *redis_server_spawn (char *const *argv, const char *log, int keep_fd);

//  Watches the process that listens on a unix socket. Returns NULL, with *listens telling whether
//  somebody listens there that cannot be watched.
redis_server_t *redis_server_find (const char *socket, bool *listens);

//  Lets go of the process; it is not ended.
void redis_server_destroy (redis_server_t **self_p);

pid_t redis_server_pid (const redis_server_t *self);

//  Readable once the process has ended.
int redis_server_fd (const redis_server_t *self);

//  Waits until it has ended, at most so long. Returns true when it has.
bool redis_server_has_ended (const redis_server_t *self, int timeout_ms);

//  Asks it to stop, as SIGTERM does.
void redis_server_terminate (const redis_server_t *self);

//  Reaps an ended process and says how it ended: "exit=1", "signal=9", or "exit=unknown" when it was no
//  child of ours. Valid until redis_server_destroy.
const char *redis_server_end (redis_server_t *self);

#endif
