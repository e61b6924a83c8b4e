//  zrb ping - is a bridge there, and does its Redis answer? One request, one line; a health check's exit status.

#include <inttypes.h>
#include <stdio.h>
#include "output.h"
#include "session.h"
#include "subcommands.h"
#include "zrb.h"

static int s_tell (const args_t *args, answer_t *answer, double took_ms)
{
    if (!answer->ok) {
        return zrb_complain (ZRB_BAD, "%s answers: %s", args_text (args, "ask"), answer->fault);
    }
    uint64_t now = answer_uint (answer, "now_ms");
    if (args_flag (args, "json")) {
        printf ("{\"took_ms\": %.2f, \"now_ms\": %" PRIu64 "}\n", took_ms, now);
    } else {
        printf ("%s answers in %.2f ms; now_ms %" PRIu64 "\n", args_text (args, "ask"), took_ms, now);
    }
    return output_flush ();
}

static int s_run (const args_t *args)
{
    session_t *session = session_new (args, 1);
    if (!session) {
        return ZRB_USAGE;
    }
    uint64_t asked_ns = clock_ns ();
    answer_t answer;
    session_take_faults (session);
    session_begin (session, "ping", 0);
    int status = session_ask_any (session, 0, &answer);
    if (status == 0) {
        status = s_tell (args, &answer, (double)(clock_ns () - asked_ns) / 1e6);
        answer_clear (&answer);
    }
    session_destroy (&session);
    return status;
}

const command_t ping_command = {
    .name = "ping",
    .operands = "",
    .does = "asks whether a bridge and its Redis answer",
    .about = "",
    .statuses =
        "Exit status: 0 both answer, 1 the bridge answers and Redis does not, 2 wrong usage, 3 no bridge answers.",
    .examples = "  zrb ping -s tcp://bridge:5555 && echo ready\n",
    .run = s_run,
};
