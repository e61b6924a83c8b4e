//  peer - see the header.

#include "peer.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *name = "peer";

peer_t peer_new (int argc, char *argv[], int has_address, const char *const *modes)
{
    const char *slash = strrchr (argv[0], '/');
    name = slash ? slash + 1 : argv[0];
    if (argc != 3 + has_address) {
        peer_die ("usage: %s %sMODE COUNT", name, has_address ? "ADDRESS " : "");
    }
    peer_t self = {.address = has_address ? argv[1] : NULL,
        .mode = argv[1 + has_address],
        .count = strtoull (argv[2 + has_address], NULL, 10)};
    while (*modes && strcmp (*modes, self.mode) != 0) {
        modes++;
    }
    if (!*modes || self.count == 0) {
        peer_die ("no mode %s, or no count", self.mode);
    }
    return self;
}

int peer_does (const peer_t *self, const char *mode)
{
    return strcmp (self->mode, mode) == 0;
}

pthread_t peer_start (void *(*work) (void *argument), void *argument)
{
    pthread_t thread;
    if (pthread_create (&thread, NULL, work, argument)) {
        peer_die ("no thread");
    }
    return thread;
}

//  Bytes in no order, so that nobody compresses them.
uint8_t *peer_payload (void)
{
    uint8_t *payload = calloc (1, PEER_PAYLOAD_BYTES);
    uint32_t seed = 1;
    for (size_t at = PEER_NUMBER_BYTES; payload && at < PEER_PAYLOAD_BYTES; at++) {
        seed = seed * 1664525 + 1013904223;
        payload[at] = (uint8_t)(seed >> 24);
    }
    return payload ? payload : (peer_die ("no memory"), NULL);
}

void peer_stamp (void *payload, uint64_t number)
{
    memcpy (payload, &number, PEER_NUMBER_BYTES);
}

uint64_t peer_now_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void peer_tell_rate (const peer_t *self, uint64_t start_ns)
{
    double seconds = (double)(peer_now_ns () - start_ns) / 1e9;
    printf ("{\"messages\": %" PRIu64 ", \"seconds\": %.6f, \"messages_per_s\": %.1f}\n", self->count, seconds,
        (double)self->count / seconds);
}

static int s_compare (const void *one, const void *two)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)two;
    return (a > b) - (a < b);
}

void peer_tell_times (uint64_t *times_ns, size_t count)
{
    qsort (times_ns, count, sizeof *times_ns, s_compare);
    printf ("{\"messages\": %zu, \"p50_us\": %.3f, \"p99_us\": %.3f}\n", count, (double)times_ns[count / 2] / 1e3,
        (double)times_ns[count * 99 / 100] / 1e3);
}

void peer_die (const char *format, ...)
{
    va_list args;
    va_start (args, format);
    fprintf (stderr, "%s: ", name);
    vfprintf (stderr, format, args);
    fputc ('\n', stderr);
    va_end (args);
    exit (EXIT_FAILURE);
}
