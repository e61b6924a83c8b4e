//  beanstalkd - a work queue with a log on disk: one connection puts, another reserves and deletes, both pipelined.
//
//  stream  put, reserve, delete

#include "peer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { AHEAD = 1000, FLUSH = 100, LINE_BYTES = 64 };  //  FLUSH of puts are sent at once; it divides AHEAD

typedef struct {
    FILE *in, *out;
} link_t;

static link_t s_connect (const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {PEER_PATIENCE_S, 0};
    snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket (AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect (fd, (struct sockaddr *)&address, sizeof address) ||
        setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit)) {
        peer_die ("no beanstalkd at %s", path);
    }
    link_t self = {fdopen (fd, "rb"), fdopen (dup (fd), "wb")};
    if (!self.in || !self.out || setvbuf (self.out, NULL, _IOFBF, 1 << 16)) {
        peer_die ("no stream");
    }
    return self;
}

static void s_end (link_t *self)
{
    fclose (self->in);
    fclose (self->out);
}

//  Reads a line that begins so; `rest` is what follows.
static const char *s_expect (link_t *self, const char *start, char *line)
{
    size_t size = strlen (start);
    if (!fgets (line, LINE_BYTES, self->in) || strncmp (line, start, size) != 0) {
        peer_die ("not %s", start);
    }
    return line + size;
}

static void *s_produce (void *argument)
{
    const peer_t *peer = argument;
    char line[LINE_BYTES];
    uint8_t *payload = peer_payload ();
    link_t link = s_connect (peer->address);
    for (uint64_t number = 0; number < peer->count + AHEAD; number++) {
        if (number < peer->count) {
            peer_stamp (payload, number);
            fprintf (link.out, "put 0 0 60 %d\r\n", PEER_PAYLOAD_BYTES);
            fwrite (payload, 1, PEER_PAYLOAD_BYTES, link.out);
            fputs ("\r\n", link.out);
        }
        if (number % FLUSH == 0 || number == peer->count) {
            fflush (link.out);
        }
        if (number >= AHEAD) {
            s_expect (&link, "INSERTED ", line);
        }
    }
    s_end (&link);
    free (payload);
    return NULL;
}

//  Takes message `number`, and asks for its deletion.
static void s_take (link_t *link, uint64_t number)
{
    char line[LINE_BYTES];
    char body[PEER_PAYLOAD_BYTES + 2];
    unsigned long long id = strtoull (s_expect (link, "RESERVED ", line), NULL, 10);
    if (fread (body, 1, sizeof body, link->in) != sizeof body || memcmp (body, &number, PEER_NUMBER_BYTES) != 0) {
        peer_die ("message %llu is missing", (unsigned long long)number);
    }
    fprintf (link->out, "delete %llu\r\n", id);
}

//  Rounds of a batch: reserves, then their deletes along with the next reserves.
static void s_consume (const peer_t *peer, link_t *link)
{
    char line[LINE_BYTES];
    uint64_t deleting = 0;
    for (uint64_t got = 0; got < peer->count || deleting > 0;) {
        uint64_t batch = peer->count - got < PEER_BATCH ? peer->count - got : PEER_BATCH;
        for (uint64_t at = 0; at < batch; at++) {
            fputs ("reserve\r\n", link->out);
        }
        fflush (link->out);
        for (; deleting > 0; deleting--) {
            s_expect (link, "DELETED", line);
        }
        for (; deleting < batch; deleting++) {
            s_take (link, got++);
        }
    }
}

int main (int argc, char *argv[])
{
    peer_t peer = peer_new (argc, argv, 1, (const char *const[]){"stream", NULL});
    link_t link = s_connect (peer.address);
    uint64_t start_ns = peer_now_ns ();
    pthread_t producer = peer_start (s_produce, &peer);
    s_consume (&peer, &link);
    peer_tell_rate (&peer, start_ns);
    pthread_join (producer, NULL);
    s_end (&link);
    return EXIT_SUCCESS;
}
