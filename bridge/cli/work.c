//  zrb work - takes messages as hands are free, runs a command on each, and settles it by how that ended.
//
//  A hand's state:
//
//      FREE ── s_take_up ──▶ RUNS ── s_reap ──▶ SETTLES ── s_settled ──▶ FREE
//                   │          │                                           ▲
//          stopping │          │ killed by us                              │
//                   └──▶ HELD ◀┘ ───────────────── s_give_back ────────────┘
//
//  The first signal to end takes no more and lets commands end; the second kills them. What was leased and not worked
//  goes back by release, which counts as no attempt. One thread, one loop. All questions may be asked twice: the leases
//  of a take whose answer can't be delivered go back.

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hand.h"
#include "limit.h"
#include "name.h"
#include "query.h"
#include "subcommands.h"
#include "zrb.h"

#define MS_NS UINT64_C (1000000)

enum {
    TAKE_WAIT_MS = 20000,  //  a waiting take is asked anew then
    CANCEL_MS = 200        //  a take that is to end is cancelled as often as that
};

typedef struct work_s work_t;
typedef void answer_fn (work_t *self, uint64_t tag, answer_t *answer);

typedef struct {
    size_t ticket;
    answer_fn *answered;
    uint64_t tag;
} question_t;

struct work_s {
    const args_t *args;
    session_t *session;
    task_t task;
    char consumer[LIMIT_NAME_BYTES + 1];
    size_t channels, parallel;  //  channels: operands
    uint64_t count;
    hand_t *hands;
    question_t *questions;  //  open ones
    size_t question_count;
    int children;                               //  SIGCHLD, as a descriptor
    uint64_t last_number, taken, failed, take;  //  take: the ticket of the one that waits
    uint64_t stop_ns, kill_ns, cancel_ns;       //  0: not yet
    size_t releases;                            //  open ones
    bool taking, cancelling, dry, json;
    int status;
};

//  Asking

static void s_ask (work_t *self, uint64_t wait_ms, answer_fn *answered, uint64_t tag)
{
    self->questions[self->question_count++] = (question_t){session_send (self->session, wait_ms), answered, tag};
}

static void s_take_answers (work_t *self)
{
    answer_t answer;
    while (session_take (self->session, &answer)) {
        for (size_t at = 0; at < self->question_count; at++) {
            question_t question = self->questions[at];
            if (question.ticket == answer.slot) {
                self->questions[at] = self->questions[--self->question_count];
                question.answered (self, question.tag, &answer);
                break;
            }
        }
        answer_clear (&answer);
    }
}

//  Hands

static size_t s_hands (const work_t *self, hand_state_t state)
{
    size_t count = 0;
    for (size_t at = 0; at < self->parallel; at++) {
        count += self->hands[at].state == state;
    }
    return count;
}

static hand_t *s_hand (const work_t *self, uint64_t number)
{
    for (size_t at = 0; at < self->parallel; at++) {
        if (self->hands[at].number == number && self->hands[at].state != HAND_FREE) {
            return &self->hands[at];
        }
    }
    return NULL;
}

static void s_stop (work_t *self, int status)
{
    self->status = status ? status : self->status;
    if (!self->stop_ns) {
        self->stop_ns = self->cancel_ns = clock_ns ();
    }
}

//  Settling

static msgpack_packer *s_begin_settle (work_t *self, const char *op, const hand_t *hand, size_t more)
{
    msgpack_packer *packer = session_begin (self->session, op, 3 + more);
    key_text (packer, "channel", hand->channel);
    key_text (packer, "group", self->task.group);
    pack_text (packer, "items");
    msgpack_pack_array (packer, 1);
    msgpack_pack_array (packer, 2);
    msgpack_pack_uint64 (packer, hand->id);
    msgpack_pack_uint64 (packer, hand->lease);
    return packer;
}

static bool s_is_stale (answer_t *answer)
{
    return answer->ok && answer_lists (answer, "stale");
}

static void s_settled (work_t *self, uint64_t number, answer_t *answer)
{
    hand_t *hand = s_hand (self, number);
    const char *outcome = hand_is_good (hand) ? "done" : "back";
    if (!answer->ok) {
        outcome = "unsettled";
        zrb_complain (0, "%s %" PRIu64 " can't be settled: %s", hand->channel, hand->id, answer->fault);
    } else if (s_is_stale (answer)) {
        outcome = "stale";
        zrb_complain (0, "%s %" PRIu64 ": its lease %" PRIu64 " is stale: the message goes to another; see --lease",
            hand->channel, hand->id, hand->lease);
    }
    self->failed += strcmp (outcome, "done") != 0;
    if (self->json) {
        hand_print (hand, outcome);
        if (output_flush ()) {
            s_stop (self, ZRB_BAD);
        }
    }
    hand->state = HAND_FREE;
    self->dry = false;
}

static void s_settle (work_t *self, hand_t *hand)
{
    char reason[HAND_REASON];
    hand->state = HAND_SETTLES;
    if (hand_is_good (hand)) {
        s_begin_settle (self, "ack", hand, 0);
    } else {
        hand_reason (hand, &self->task, reason);
        zrb_complain (0, "%s %" PRIu64 ", attempt %" PRIu64 ": %s", hand->channel, hand->id, hand->attempt, reason);
        msgpack_packer *packer = s_begin_settle (self, "nack", hand, 2);
        key_number (packer, "delay_ms", hand_delay_ms (hand, &self->task));
        key_text (packer, "reason", reason);
    }
    s_ask (self, 0, s_settled, hand->number);
}

static void s_touched (work_t *self, uint64_t number, answer_t *answer)
{
    hand_t *hand = s_hand (self, number);
    if (hand) {
        hand->touching = false;
        hand->touch_ns = clock_ns () + self->task.lease_ms * MS_NS / 3;
        hand->lost = s_is_stale (answer);
        if (hand->lost && hand->state == HAND_RUNS) {
            zrb_complain (0,
                "%s %" PRIu64 ": its lease %" PRIu64 " is stale while the command runs: another may get it",
                hand->channel, hand->id, hand->lease);
        }
    }
}

static void s_touch (work_t *self, hand_t *hand)
{
    key_number (s_begin_settle (self, "touch", hand, 1), "lease_ms", self->task.lease_ms);
    hand->touching = true;
    s_ask (self, 0, s_touched, hand->number);
}

//  Giving back

static void s_given_back (work_t *self, uint64_t tag, answer_t *answer)
{
    self->releases--;
    if (!answer->ok) {
        zrb_complain (0, "what was not worked can't be given back: %s", answer->fault);
    }
}

static void s_release (work_t *self, const char *channel)
{
    msgpack_packer *packer = session_begin (self->session, "release", 3);
    key_text (packer, "channel", channel);
    key_text (packer, "group", self->task.group);
    key_text (packer, "consumer", self->consumer);
    s_ask (self, 0, s_given_back, 0);
    self->releases++;
}

//  A release gives back all that the consumer has of a channel: so not before everything else is settled.
static void s_give_back (work_t *self)
{
    for (size_t at = 0; at < self->parallel; at++) {
        if (self->hands[at].state == HAND_HELD) {
            s_release (self, self->hands[at].channel);
            for (size_t other = at; other < self->parallel; other++) {
                if (strcmp (self->hands[other].channel, self->hands[at].channel) == 0) {
                    self->hands[other].state = HAND_FREE;
                }
            }
        }
    }
}

//  Taking

//  [channel, envelope, lease, attempt]; a take brings no more than hands are free.
static bool s_take_up (work_t *self, cursor_t at)
{
    uint32_t items;
    span_t channel, raw;
    envelope_t envelope;
    hand_t *hand = self->hands;
    while (hand->state != HAND_FREE) {
        hand++;
    }
    *hand = (hand_t){.number = ++self->last_number};
    if (!cursor_array (&at, &items) || items < 4 || !cursor_bytes (&at, &channel) || !cursor_raw (&at, &raw) ||
        !envelope_decode (&envelope, raw.data, raw.size) || !cursor_uint (&at, &hand->lease) ||
        !cursor_uint (&at, &hand->attempt) || channel.size > LIMIT_NAME_BYTES) {
        return false;
    }
    hand->id = envelope.id;
    memcpy (hand->channel, channel.data, channel.size);
    self->taken++;
    if (self->stop_ns) {
        hand->state = HAND_HELD;
    } else {
        int rc = hand_start (hand, &self->task, &envelope);
        if (rc) {
            const char *command = self->task.command[0];
            s_stop (self, zrb_complain (ZRB_BAD, "\"%.200s\" can't be run: %s", command, strerror (errno)));
        }
    }
    return true;
}

static void s_take_all (work_t *self, uint64_t asked, answer_t *answer)
{
    cursor_t at;
    uint32_t count = 0;
    self->taking = false;
    if (!answer->ok) {
        s_stop (self, zrb_complain (ZRB_BAD, "%s", answer->fault));
        return;
    }
    bool good = answer_value (answer, "messages", &at) && cursor_array (&at, &count) && count <= asked;
    self->dry = count == 0;
    for (; good && count > 0; count--, cursor_skip (&at)) {
        good = s_take_up (self, at);
    }
    if (!good) {
        s_stop (self, zrb_complain (ZRB_BAD, "what came is no answer to a take"));
    }
}

static void s_take (work_t *self)
{
    size_t most = s_hands (self, HAND_FREE);
    uint64_t wait_ms = args_flag (self->args, "drain") ? 0 : TAKE_WAIT_MS;
    if (self->count && self->count - self->taken < most) {
        most = (size_t)(self->count - self->taken);
    }
    msgpack_packer *packer = session_begin (self->session, "take", 6);
    pack_text (packer, "channels");
    msgpack_pack_array (packer, self->channels);
    for (size_t at = 0; at < self->channels; at++) {
        pack_text (packer, args_operand (self->args, at));
    }
    key_text (packer, "group", self->task.group);
    key_number (packer, "max", most);
    key_number (packer, "lease_ms", self->task.lease_ms);
    key_number (packer, "wait_ms", wait_ms);
    key_text (packer, "consumer", self->consumer);
    self->taking = true;
    s_ask (self, wait_ms, s_take_all, most);
    self->take = self->questions[self->question_count - 1].ticket;
}

static void s_cancelled (work_t *self, uint64_t tag, answer_t *answer)
{
    self->cancelling = false;
    self->cancel_ns = clock_ns () + CANCEL_MS * MS_NS;
}

static void s_cancel (work_t *self)
{
    key_number (session_begin (self->session, "cancel", 1), "request", self->take);
    s_ask (self, 0, s_cancelled, 0);
    self->cancelling = true;
}

//  Signals and time

static void s_reap (work_t *self)
{
    struct signalfd_siginfo info;
    while (read (self->children, &info, sizeof info) == sizeof info) {
    }
    for (size_t at = 0; at < self->parallel; at++) {
        hand_t *hand = &self->hands[at];
        if (hand->state == HAND_RUNS && hand_has_ended (hand)) {
            if (hand->killed && WIFSIGNALED (hand->status)) {
                hand->state = HAND_HELD;
            } else {
                s_settle (self, hand);
            }
        }
    }
}

static void s_heed_signals (work_t *self)
{
    unsigned stops = session_stops (self->session);
    size_t running = s_hands (self, HAND_RUNS);
    if (stops > 0 && !self->stop_ns) {
        s_stop (self, 0);
        if (running) {
            zrb_complain (0, "waits for %zu command%s to end; once more kills", running, running == 1 ? "" : "s");
        }
    }
    if (stops > 1 && !self->kill_ns) {
        self->kill_ns = clock_ns ();
        for (size_t at = 0; at < self->parallel; at++) {
            if (self->hands[at].state == HAND_RUNS) {
                self->hands[at].killed = true;
                hand_kill (&self->hands[at], SIGKILL);
            }
        }
    }
}

static void s_run_timers (work_t *self)
{
    uint64_t now_ns = clock_ns ();
    for (size_t at = 0; at < self->parallel; at++) {
        hand_t *hand = &self->hands[at];
        if (hand->state == HAND_RUNS && !hand->touching && !hand->lost && hand->touch_ns <= now_ns) {
            s_touch (self, hand);
        }
        if (hand->state == HAND_RUNS && hand->end_ns <= now_ns) {
            hand_end_late (hand);
        }
    }
    if (self->stop_ns && self->taking && !self->cancelling && self->cancel_ns <= now_ns) {
        s_cancel (self);
    }
}

static void s_sooner (uint64_t *due_ns, uint64_t other_ns)
{
    *due_ns = other_ns < *due_ns ? other_ns : *due_ns;
}

static uint64_t s_due_ns (const work_t *self)
{
    uint64_t due_ns = UINT64_MAX;
    for (size_t at = 0; at < self->parallel; at++) {
        const hand_t *hand = &self->hands[at];
        if (hand->state == HAND_RUNS) {
            s_sooner (&due_ns, hand->end_ns);
            s_sooner (&due_ns, hand->touching || hand->lost ? UINT64_MAX : hand->touch_ns);
        }
    }
    if (self->stop_ns) {
        s_sooner (&due_ns, clock_ns () + CANCEL_MS * MS_NS);
    }
    return due_ns;
}

//  Life

//  Nothing is left, or nobody is there to take it back.
static bool s_is_done (work_t *self)
{
    if (!self->stop_ns || s_hands (self, HAND_RUNS)) {
        return false;
    }
    uint64_t now_ns = clock_ns (), wait_ns = args_count (self->args, "wait") * MS_NS;
    bool settles = s_hands (self, HAND_SETTLES) > 0;
    if (!settles) {
        s_give_back (self);
    }
    if (!settles && self->releases == 0) {
        return !self->taking || session_is_away (self->session) || now_ns >= self->stop_ns + wait_ns;
    }
    if (self->kill_ns && now_ns >= self->kill_ns + wait_ns) {
        self->status =
            zrb_complain (ZRB_BAD, "the bridge does not answer: what is leased comes again when that runs out");
        return true;
    }
    return false;
}

static void s_go_on (work_t *self)
{
    bool drain = args_flag (self->args, "drain"), idle = s_hands (self, HAND_FREE) == self->parallel;
    if ((self->count && self->taken >= self->count) || (drain && self->dry && idle)) {
        s_stop (self, 0);
    }
    if (!self->stop_ns && !self->taking && s_hands (self, HAND_FREE) && !(drain && self->dry)) {
        s_take (self);
    }
}

static void s_name (work_t *self)
{
    char host[64] = "";
    const char *given = args_text (self->args, "consumer");
    if (given) {
        snprintf (self->consumer, sizeof self->consumer, "%s", given);
        return;
    }
    gethostname (host, sizeof host - 1);
    snprintf (self->consumer, sizeof self->consumer, "zrb-%s-%d-%" PRIx64,
        name_is_valid (span_text (host)) ? host : "host", (int)getpid (), clock_ns ());
}

//  What a consumer of that name held when it was killed goes back at once.
static int s_release_old (work_t *self)
{
    int status = 0;
    for (size_t at = 0; at < self->channels && status == 0; at++) {
        if (glob_is_name (span_text (args_operand (self->args, at)))) {
            answer_t answer;
            msgpack_packer *packer = session_begin (self->session, "release", 3);
            key_text (packer, "channel", args_operand (self->args, at));
            key_text (packer, "group", self->task.group);
            key_text (packer, "consumer", self->consumer);
            status = session_ask (self->session, 0, &answer);
            if (status == 0) {
                answer_clear (&answer);
            }
        }
    }
    return status;
}

//  Who never answered is told as absent; from then on it is waited for.
static int s_meet (work_t *self)
{
    answer_t answer;
    session_begin (self->session, "info", 0);
    int status = session_ask (self->session, 0, &answer);
    if (status == 0) {
        answer_clear (&answer);
        session_be_patient (self->session);
        status = args_given (self->args, "consumer") ? s_release_old (self) : 0;
    }
    return status;
}

static int s_work (work_t *self)
{
    int status = s_meet (self);
    if (status) {
        return session_stop (self->session) ? ZRB_GOOD : status;
    }
    for (s_go_on (self); !s_is_done (self); s_go_on (self)) {
        zmq_pollitem_t item = {.fd = self->children, .events = ZMQ_POLLIN};
        status = session_wait (self->session, &item, 1, s_due_ns (self));
        s_heed_signals (self);
        s_take_answers (self);
        s_reap (self);
        s_run_timers (self);
    }
    bool counts = args_flag (self->args, "drain") || self->count;
    return self->status ? self->status : self->failed && counts ? ZRB_BAD : status;
}

static int s_run (const args_t *args)
{
    work_t self = {.args = args,
        .channels = args_operands (args),
        .task = {.group = args_text (args, "group"),
            .command = args_command (args),
            .output = args_flag (args, "json") ? STDERR_FILENO : STDOUT_FILENO,
            .lease_ms = args_count (args, "lease"),
            .max_time_ms = args_count (args, "max-time"),
            .delay_ms = args_count (args, "delay")},
        .parallel = (size_t)args_count (args, "parallel"),
        .count = args_count (args, "count"),
        .json = args_flag (args, "json")};
    if (!args_command (args)) {
        return zrb_complain (ZRB_USAGE, "work wants CHANNEL... -- COMMAND...; see zrb work --help");
    }
    const char *flaw = args_given (args, "consumer") ? name_flaw (span_text (args_text (args, "consumer"))) : NULL;
    if (flaw) {
        return zrb_complain (ZRB_USAGE, "--consumer: %s; choose another", flaw);
    }
    signal (SIGPIPE, SIG_IGN);  //  what was begun is settled, whoever reads the output
    sigset_t child;
    sigemptyset (&child);
    sigaddset (&child, SIGCHLD);
    sigprocmask (SIG_BLOCK, &child, NULL);  //  before there are threads, which inherit it
    size_t window = 3 * self.parallel + 8;  //  a settling and a touch for each hand; takes, cancels, releases
    self.session = session_new (args, window);
    if (!self.session) {
        return ZRB_USAGE;
    }
    self.task.endpoint = session_endpoint (self.session);
    self.children = signalfd (-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
    self.hands = calloc (self.parallel, sizeof *self.hands);
    self.questions = calloc (window, sizeof *self.questions);
    assert (self.children >= 0 && self.hands && self.questions);
    s_name (&self);
    int status = s_work (&self);
    close (self.children);
    free (self.hands);
    free (self.questions);
    session_destroy (&self.session);
    return status;
}

static const option_t work_options[] = {
    {"group", 'g', OPTION_TEXT, "GROUP", "default", 0, 0, "the group to take from; made when it isn't there",
        "ZRB_GROUP"},
    {"parallel", 'P', OPTION_COUNT, "COUNT", "1", 1, 1000, "commands that run at a time", NULL},
    {"lease", 'l', OPTION_TIME, "TIME", "30s", 100, 604800000,
        "how long a message is leased; renewed while its command runs", NULL},
    {"delay", 'd', OPTION_TIME, "TIME", NULL, 0, UINT64_C (1) << 53,
        "what failed comes again after that time, twice as long after each further attempt", NULL},
    {"max-time", 'm', OPTION_TIME, "TIME", NULL, 0, 604800000, "a command that runs longer is ended, and has failed",
        NULL},
    {"count", 'n', OPTION_COUNT, "COUNT", NULL, 1, UINT64_C (1) << 53, "end after so many messages", NULL},
    {"drain", 'D', OPTION_FLAG, NULL, NULL, 0, 0, "end when nothing waits", NULL},
    {"consumer", 'c', OPTION_TEXT, "NAME", NULL, 0, 0,
        "a name that no other worker has: what it held when killed goes back", NULL},
};

const command_t work_command = {
    .name = "work",
    .operands = "CHANNEL... -- COMMAND [ARGUMENT]...",
    .least = 1,
    .most = LIMIT_TAKE_CHANNELS,
    .takes_command = true,
    .does = "runs a command for each message of a group",
    .about =
        "The command gets the payload on stdin, and in its environment ZRB_ENDPOINT, ZRB_CHANNEL, ZRB_GROUP,\n"
        "ZRB_ID, ZRB_LEASE, ZRB_ATTEMPT, ZRB_TIME_MS, and ZRB_HEADER_NAME for each header NAME. Exit status 0 acks\n"
        "the message, anything else gives it back. Ctrl-C or SIGTERM lets the commands that run end, and a second\n"
        "one kills them; what was not worked goes back at once. With --json the command's stdout goes to stderr.\n",
    .statuses =
        "Exit status: 0 ended by a signal or the options, 1 a command can't be run, or with --count or --drain\n"
        "one has failed, 2 wrong usage, 3 no bridge answers.",
    OPTIONS (work_options),
    .examples = "  zrb work jobs -- ./convert.sh\n"
                "  zrb work urgent 'jobs.*' -P 8 --delay 10s -- sh -c 'curl -fsS --data-binary @- \"$URL\"'\n"
                "  zrb work jobs --drain -- cat\n",
    .run = s_run,
};
