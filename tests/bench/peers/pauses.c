//  pauses - how long this machine stands still by itself when all its cores are busy: a thread for each does nothing but
//  read the clock. Nothing that runs here can promise a latency below that.
//
//  clock  for COUNT milliseconds

#include "peer.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_CORES = 256, PAUSE_NS = 1000000 };

typedef struct {
    uint64_t until_ns;
    uint64_t longest_ns;
    uint64_t paused_ns;  //  in pauses above PAUSE_NS
} watcher_t;

static void *s_watch (void *argument)
{
    watcher_t *self = argument;
    uint64_t last_ns = peer_now_ns ();
    while (last_ns < self->until_ns) {
        uint64_t now_ns = peer_now_ns (), pause_ns = now_ns - last_ns;
        self->longest_ns = pause_ns > self->longest_ns ? pause_ns : self->longest_ns;
        self->paused_ns += pause_ns > PAUSE_NS ? pause_ns : 0;
        last_ns = now_ns;
    }
    return NULL;
}

int main (int argc, char *argv[])
{
    peer_t peer = peer_new (argc, argv, 0, (const char *const[]){"clock", NULL});
    static watcher_t watchers[MOST_CORES];
    static pthread_t threads[MOST_CORES];
    long cores = sysconf (_SC_NPROCESSORS_ONLN);
    cores = cores > MOST_CORES ? MOST_CORES : cores;
    uint64_t until_ns = peer_now_ns () + peer.count * 1000000;
    for (long core = 0; core < cores; core++) {
        watchers[core].until_ns = until_ns;
        threads[core] = peer_start (s_watch, &watchers[core]);
    }
    watcher_t all = {0};
    for (long core = 0; core < cores; core++) {
        pthread_join (threads[core], NULL);
        all.longest_ns = watchers[core].longest_ns > all.longest_ns ? watchers[core].longest_ns : all.longest_ns;
        all.paused_ns += watchers[core].paused_ns;
    }
    printf ("{\"longest_ms\": %.3f, \"paused_percent\": %.3f}\n", (double)all.longest_ns / 1e6,
        (double)all.paused_ns / 1e4 / (double)peer.count / (double)cores);
    return EXIT_SUCCESS;
}
