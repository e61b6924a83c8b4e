//  target - where Redis is: a redis:// or unix:// URL, taken apart.

#ifndef TARGET_H_INCLUDED
#define TARGET_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <hiredis/hiredis.h>

typedef struct {
    char *host;  //  NULL for a unix socket
    int port;
    char *path;      //  NULL for TCP
    char *user;      //  NULL: none
    char *password;  //  NULL: none
    int db;
} target_t;

//  Takes apart redis://[user:password@]host[:port][/db] or unix:///path[?db=N&password=…&user=…], with %XX
//  decoded in user, password and path. Returns 0, or -1 when it is neither; then nothing is held.
int target_parse (target_t *self, const char *url);

void target_clear (target_t *self);

//  Begins to connect, without waiting for anything but a host name's resolution. As redisConnectNonBlock.
redisContext *target_connect (const target_t *self);

//  Connects and logs in within timeout_ms, for the few commands of start and stop. Returns NULL when that fails.
redisContext *target_open (const target_t *self, int timeout_ms);

//  "127.0.0.1:6379/0" or "/path/redis.sock", without the password, for logs. Borrowed `to`, size bytes.
void target_describe (const target_t *self, char *to, size_t size);

#endif
