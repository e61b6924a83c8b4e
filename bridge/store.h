//  store - the names of Redis keys (KEYSPACE.md), and the last word to an embedded Redis.

#ifndef STORE_H_INCLUDED
#define STORE_H_INCLUDED

#include "span.h"

//  zrb:{orders}:log and the like: the caller owns the string.
char *store_channel_key (const char *prefix, span_t channel, const char *what);

//  zrb:channels and the like: the caller owns the string.
char *store_key (const char *prefix, const char *what);

//  Marks an embedded Redis's store as cleanly ended: the last write before it is shut down. Takes at
//  most 2 s. Returns 0, or -1 when it could not be done (ids then jump at the next start).
int store_mark_clean (const char *url, const char *prefix);

#endif
