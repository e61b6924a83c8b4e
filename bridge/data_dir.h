//  data_dir - the directory of an embedded Redis, and who may use it: one bridge, one redis-server.
//
//  Two locks (flock) say so, and both end with their holder, however it ends:
//    bridge.lock  held by the bridge; its pid stands in it, for the error that a second bridge prints
//    redis.lock   held by the redis-server itself, through a descriptor that it inherits, so that a server
//                 which outlives its bridge is known even before it listens

#ifndef DATA_DIR_H_INCLUDED
#define DATA_DIR_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

typedef struct data_dir data_dir_t;

//  Makes the directory, 0700, when it is absent, and takes bridge.lock.
//  Returns NULL with a one-line error.
data_dir_t *data_dir_new (const char *path, char *error, size_t error_size);

//  Gives up both locks; a redis-server keeps its own.
void data_dir_destroy (data_dir_t **self_p);

//  Absolute, without symbolic links.
const char *data_dir_path (const data_dir_t *self);

//  The path of a file in it; the caller owns it.
char *data_dir_file (const data_dir_t *self, const char *name);

//  Takes redis.lock, to be handed on to a redis-server. Returns its descriptor, which the data_dir owns,
//  also when it is held already; -1 while a redis-server that is not this bridge's child has it.
int data_dir_claim (data_dir_t *self);

#endif
