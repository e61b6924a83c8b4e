//  intake - the PULL and SUB sockets: reads messages, hands the good ones to the writer, the others to $rejected.
//
//  Part of the lane, in its thread.

#ifndef INTAKE_H_INCLUDED
#define INTAKE_H_INCLUDED

#include "access.h"
#include "writer.h"

typedef struct intake intake_t;

//  Binds both, and tells what was bound as socket_bind does. Borrows access, which may be swapped, writer and counters
//  until destroyed. Returns NULL with a one-line error.
intake_t *intake_new (const config_t *config, access_t *const *access, writer_t *writer, counters_t *counters,
    char *bound, size_t bound_size, char *error, size_t error_size);

void intake_destroy (intake_t **self_p);

void *intake_pull (intake_t *self);
void *intake_sub (intake_t *self);

//  Reads at most `most` messages of the socket, fewer when no more have arrived or the writer is full.
//  Returns how many it read.
size_t intake_read (intake_t *self, void *socket, size_t most);

#endif
