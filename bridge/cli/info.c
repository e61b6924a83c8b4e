//  zrb info - what the bridge says about itself.

#include "output.h"
#include "session.h"
#include "subcommands.h"
#include "zrb.h"

//  A map's values, a line each, below the name before them.
static void s_print (cursor_t *map, const char *indent)
{
    uint32_t count, inner;
    span_t key, text;
    for (cursor_map (map, &count); count > 0 && cursor_str (map, &key); count--) {
        cursor_t value = *map;
        if (*indent == 0 && (span_eq (key, "seq") || span_eq (key, "ok"))) {
            cursor_skip (map);
            continue;
        }
        printf ("%s%.*s", indent, (int)key.size, key.data);
        if (cursor_map (&value, &inner)) {
            puts (":");
            s_print (map, "  ");
        } else if (cursor_bytes (map, &text)) {
            fputs (": ", stdout);
            print_shown (stdout, text);
            puts ("");
        } else {
            fputs (": ", stdout);
            json_value (stdout, map);
            puts ("");
        }
    }
}

static int s_run (const args_t *args)
{
    answer_t answer;
    session_t *session = session_new (args, 1);
    if (!session) {
        return ZRB_USAGE;
    }
    session_begin (session, "info", 0);
    int status = session_ask (session, 0, &answer);
    if (status == 0) {
        cursor_t map = cursor_of (span_of (zmq_msg_data (&answer.frame), zmq_msg_size (&answer.frame)));
        if (args_flag (args, "json")) {
            json_answer (stdout, &answer);
        } else {
            s_print (&map, "");
        }
        status = output_flush ();
        answer_clear (&answer);
    }
    session_destroy (&session);
    return status;
}

const command_t info_command = {
    .name = "info",
    .operands = "",
    .does = "says what the bridge says about itself: versions, limits, Redis, counters",
    .about = "",
    .examples = "  zrb info --json | jq .counters.stored_messages\n",
    .run = s_run,
};
