//  zrb ping - is a bridge there, and does its Redis answer? One request, one line; a health check's exit status.

#include "asker.h"
#include "zrb.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_WAIT_MS = 5000, MOST_WAIT_MS = 3600000 };

typedef struct {
    const char *endpoint;
    long wait_ms;
} options_t;

static const char *const help =
    "Usage: zrb ping [OPTION]...\n\n"
    "Asks a bridge whether it and its Redis answer.\n\n"
    "  -s, --ask ENDPOINT  the bridge's ROUTER (tcp://127.0.0.1:5555)\n"
    "  -t, --wait MS       how long to wait for the answer (5000)\n\n"
    "Exit status: 0 both answer, 1 the bridge answers and Redis does not, 2 wrong usage, 3 no bridge answers.\n\n"
    "Example:\n"
    "  zrb ping -s tcp://bridge:5555 && echo ready\n";

//  Returns -1 to go on, or the exit status.
static int s_parse (options_t *self, int argc, char *argv[])
{
    static const struct option options[] = {{"ask", required_argument, NULL, 's'},
        {"wait", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    char *end = NULL;
    opterr = 0;
    while ((option = getopt_long (argc, argv, ":s:t:h", options, NULL)) >= 0) {
        switch (option) {
        case 's':
            self->endpoint = optarg;
            break;
        case 't':
            self->wait_ms = strtol (optarg, &end, 10);
            if (!*optarg || *end || self->wait_ms < 1 || self->wait_ms > MOST_WAIT_MS) {
                return zrb_complain (
                    ZRB_USAGE, "--wait wants 1 to %d milliseconds, not \"%.64s\"", MOST_WAIT_MS, optarg);
            }
            break;
        case 'h':
            fputs (help, stdout);
            return ZRB_GOOD;
        case ':':
            return zrb_complain (ZRB_USAGE, "%.64s wants a value; see zrb ping --help", argv[optind - 1]);
        default:
            return zrb_complain (ZRB_USAGE, "ping knows no option %.64s; see zrb ping --help", argv[optind - 1]);
        }
    }
    if (optind < argc) {
        return zrb_complain (ZRB_USAGE, "ping takes no \"%.64s\"; see zrb ping --help", argv[optind]);
    }
    return -1;
}

static int s_tell (const options_t *options, answer_t *answer, uint64_t asked_ns)
{
    if (!answer->ok) {
        return zrb_complain (ZRB_BAD, "%s answers: %s", options->endpoint, answer->fault);
    }
    printf ("%s answers in %.2f ms; now_ms %" PRIu64 "\n", options->endpoint, (double)(clock_ns () - asked_ns) / 1e6,
        answer_uint (answer, "now_ms"));
    return ZRB_GOOD;
}

static int s_ping (void *context, const options_t *options)
{
    asker_t *asker = asker_new (context, options->endpoint, 1);
    if (!asker) {
        return zrb_complain (ZRB_USAGE, "cannot connect to \"%.200s\": %s", options->endpoint, zmq_strerror (errno));
    }
    uint64_t asked_ns = clock_ns ();
    asker_begin (asker, "ping", 0);
    asker_send (asker);
    answer_t answer;
    int status;
    if (asker_take_until (asker, &answer, asked_ns + (uint64_t)options->wait_ms * 1000000)) {
        status = s_tell (options, &answer, asked_ns);
        answer_clear (&answer);
    } else {
        status = zrb_complain (ZRB_ABSENT, "no bridge answers at %s within %ld ms: is zrbridge running there?",
            options->endpoint, options->wait_ms);
    }
    asker_destroy (&asker);
    return status;
}

int ping_main (int argc, char *argv[])
{
    options_t options = {"tcp://127.0.0.1:5555", DEFAULT_WAIT_MS};
    int status = s_parse (&options, argc, argv);
    if (status < 0) {
        void *context = zmq_ctx_new ();
        status = s_ping (context, &options);
        zmq_ctx_term (context);
    }
    return status;
}
