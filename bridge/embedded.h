//  embedded - a private redis-server child on a unix socket in data_dir. Owned by main's thread.

#ifndef EMBEDDED_H_INCLUDED
#define EMBEDDED_H_INCLUDED

#include <stddef.h>

typedef struct embedded embedded_t;

//  Makes data_dir when it is absent, locks it against other bridges, and adopts the redis-server that a
//  killed bridge left there or starts one. Returns once it accepts connections (it may still be loading).
//  Returns NULL with a one-line error that says what to do.
embedded_t *embedded_new (const char *data_dir, const char *fsync, char *error, size_t error_size);

//  unix:///…/redis.sock
const char *embedded_url (const embedded_t *self);

//  Readable (POLLIN) once the server has ended; -1 while none runs.
int embedded_fd (const embedded_t *self);

//  To be called when embedded_fd is readable or embedded_retry_ms has passed: reaps, logs how it ended,
//  and starts it again, at first at once, then with growing pauses (100 ms to 5 s) while it keeps failing.
void embedded_revive (embedded_t *self);

//  Milliseconds until embedded_revive wants to be called again; -1: not by itself.
long embedded_retry_ms (const embedded_t *self);

//  Stops the server cleanly (SIGTERM, it syncs its AOF; after 10 s it is left running and that is
//  logged), and unlocks data_dir.
void embedded_destroy (embedded_t **self_p);

#endif
