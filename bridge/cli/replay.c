//  zrb replay - prints what is stored.

#include <assert.h>
#include <stdlib.h>
#include "limit.h"
#include "name.h"
#include "printer.h"
#include "session.h"
#include "subcommands.h"
#include "zrb.h"

typedef struct {
    session_t *session;
    const args_t *args;
    printer_t printer;
    span_t channel;
    bool is_glob;
    uint64_t after;
    uint64_t since_ms;  //  0: from `after` on
    span_t cursor;      //  of a glob; data NULL: none yet. Owned
    uint64_t left;      //  messages still to print
} replay_t;

enum { PAGE = 1000 };

static const option_t options[] = {
    {"from", 0, OPTION_COUNT, "ID", "1", 1, UINT64_C (1) << 53, "the first id; of one channel", NULL},
    {"until", 0, OPTION_COUNT, "ID", NULL, 1, UINT64_C (1) << 53, "the last id; of one channel", NULL},
    {"since", 0, OPTION_TIME, "TIME", NULL, 1, UINT64_C (1) << 50, "what was stored in the last 10m, 2h, 1d", NULL},
    {"count", 'n', OPTION_COUNT, "N", NULL, 1, UINT64_C (1) << 53, "messages at most", NULL},
    PRINTER_OPTIONS,
};

static void s_pack_place (const replay_t *self, msgpack_packer *packer)
{
    if (self->cursor.data) {
        pack_text (packer, "cursor");
        msgpack_pack_bin (packer, self->cursor.size);
        msgpack_pack_bin_body (packer, self->cursor.data, self->cursor.size);
    } else if (self->since_ms) {
        pack_text (packer, "since_ms");
        msgpack_pack_uint64 (packer, self->since_ms);
    } else if (!self->is_glob) {
        pack_text (packer, "after");
        msgpack_pack_uint64 (packer, self->after);
    }
}

static void s_pack (const replay_t *self)
{
    uint64_t until = args_count (self->args, "until");
    bool has_place = self->cursor.data || self->since_ms || !self->is_glob;
    msgpack_packer *packer = session_begin (self->session, "replay", 2 + has_place + (until > 0));
    pack_text (packer, self->is_glob ? "pattern" : "channel");
    pack_str (packer, self->channel);
    s_pack_place (self, packer);
    if (until) {
        pack_text (packer, "until");
        msgpack_pack_uint64 (packer, until);
    }
    pack_text (packer, "limit");
    msgpack_pack_uint64 (packer, self->left < PAGE ? self->left : PAGE);
}

static void s_go_on (replay_t *self, answer_t *answer)
{
    cursor_t value;
    span_t cursor;
    self->after = answer_uint (answer, "next");
    if (!self->is_glob) {
        self->since_ms = 0;
    } else if (answer_value (answer, "cursor", &value) && cursor_bin (&value, &cursor)) {
        char *copy = malloc (cursor.size + 1);
        assert (copy);
        memcpy (copy, cursor.data, cursor.size);
        free ((char *)self->cursor.data);
        self->cursor = span_of (copy, cursor.size);
    }
}

//  One reply. Returns 0 when there is more, -1 at the end, or an exit status.
static int s_page (replay_t *self)
{
    answer_t answer;
    cursor_t value;
    bool more = false;
    s_pack (self);
    int status = session_ask (self->session, 0, &answer);
    if (status) {
        return status;
    }
    print_gaps (&answer);
    size_t printed = printer_messages (&self->printer, &answer, self->left);
    if (printed == SIZE_MAX) {
        status = zrb_complain (ZRB_BAD, "%s: the reply has no messages", session_endpoint (self->session));
    } else {
        self->left -= printed;
        s_go_on (self, &answer);
        more = self->left > 0 && answer_value (&answer, "more", &value) && cursor_bool (&value, &more) && more;
        status = output_flush ();
    }
    answer_clear (&answer);
    return status ? status : more ? 0 : -1;
}

static int s_check (const replay_t *self)
{
    bool by_id = args_given (self->args, "from") || args_flag (self->args, "until");
    if (by_id && self->since_ms) {
        return zrb_complain (ZRB_USAGE, "replay takes --since, or --from and --until");
    }
    if (by_id && self->is_glob) {
        return zrb_complain (ZRB_USAGE, "replay: --from and --until want one channel, not a glob; --since takes globs");
    }
    return 0;
}

static int s_run (const args_t *args)
{
    replay_t self = {.args = args, .channel = span_text (args_operand (args, 0))};
    uint64_t since = args_count (args, "since"), most = args_count (args, "count");
    self.is_glob = !glob_is_name (self.channel);
    self.after = args_count (args, "from") - 1;
    self.since_ms = since ? now_ms () - since : 0;
    self.left = most ? most : UINT64_MAX;
    int status = printer_init (&self.printer, args);
    status = status ? status : s_check (&self);
    if (status) {
        return status;
    }
    self.session = session_new (args, 1);
    status = self.session ? 0 : ZRB_USAGE;
    while (status == 0) {
        status = s_page (&self);
        session_be_patient (self.session);
    }
    free ((char *)self.cursor.data);
    session_destroy (&self.session);
    return status < 0 ? ZRB_GOOD : status;
}

const command_t replay_command = {
    .name = "replay",
    .operands = "CHANNEL",
    .least = 1,
    .most = 1,
    .does = "prints stored messages: a channel's, or by a glob those of all that match",
    .about =
        "Ids that have no message are told on standard error. Of a glob, messages come by their time.\n" PRINTER_ABOUT,
    OPTIONS (options),
    .examples = "  zrb replay orders --from 17          # from that id on\n"
                "  zrb replay 'orders.*' --since 10m    # the last ten minutes of many\n"
                "  zrb replay orders --raw -n 100       # the payloads of the oldest hundred\n",
    .run = s_run,
};
