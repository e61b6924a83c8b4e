//  http - a few pages over HTTP, each written anew for who asks. Part of the monitor, in its thread.

#ifndef HTTP_H_INCLUDED
#define HTTP_H_INCLUDED

#include <stdint.h>
#include <stdio.h>

typedef struct {
    const char *path;
    const char *type;  //  Content-Type
    //  Writes the page. Returns the HTTP status.
    unsigned (*write) (void *owner, FILE *to);
} http_page_t;

typedef struct http http_t;

//  Listens at address:port; "*" stands for any. The pages are borrowed; the last one has no path. Returns NULL with a
//  one-line error that names the key and the address.
http_t *http_new (const char *address, const http_page_t *pages, void *owner, char *error, size_t error_size);

void http_destroy (http_t **self_p);

//  Where it listens, as address:port.
const char *http_bound (const http_t *self);

//  For the poll: readable when http_work has something to do; it also has at http_deadline_ms, as zclock_mono tells it.
int http_fd (const http_t *self);
int64_t http_deadline_ms (const http_t *self);

//  Reads requests and answers them; never waits for a client.
void http_work (http_t *self);

#endif
