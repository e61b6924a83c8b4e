//  bench - zrb bench: meets the bridge, runs the mode's phases, tells how it goes, and judges.
//
//  Main's thread. Owns the ZeroMQ context, the signals and all runners. From the first phase on, SIGINT and SIGTERM end
//  the senders, then what is under way is waited for; a second one ends all at once.

#include "asker.h"
#include "report.h"
#include "runner.h"
#include "zrb.h"
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { IO_THREADS = 2, MEET_MS = 5000, TICK_MS = 200, SLOW_TICK_MS = 1000, LEAST_FRAME_REST = 64 };

typedef struct {
    plan_t *plan;
    run_t run;
    report_t report;
    asker_t *asker;  //  main's own
    int signals;     //  a signalfd; -1 before the first phase
    int status;      //  exit status; 0 so far
} bench_t;

typedef struct {
    const char *name;
    runner_t **senders, **receivers;
    size_t sender_count, receiver_count;
} phase_t;

//  Asking

//  Sends what was packed and waits for its reply. False when none comes in time.
static bool s_ask (bench_t *self, answer_t *answer, uint64_t wait_ns)
{
    asker_send (self->asker);
    return asker_take_until (self->asker, answer, clock_ns () + wait_ns);
}

static void s_copy (char *to, size_t size, span_t text)
{
    snprintf (to, size, "%.*s", (int)text.size, text.data);
}

//  A limit that the bridge tells; UINT64_MAX when it doesn't.
static uint64_t s_limit (answer_t *info, const char *name)
{
    cursor_t limits, value;
    uint64_t limit;
    return answer_value (info, "limits", &limits) && map_value (limits, name, &value) && cursor_uint (&value, &limit)
               ? limit
               : UINT64_MAX;
}

//  Payloads and publishes that the bridge would refuse are known before.
static void s_check_limits (bench_t *self, answer_t *info)
{
    const plan_t *plan = self->plan;
    uint64_t most = s_limit (info, "max_message_bytes"), frame = s_limit (info, "max_frame_bytes");
    uint64_t bytes = plan_publish_batch (plan) * (plan->size + self->plan->names[plan->channels - 1].size + 16);
    if (plan->size > most) {
        self->status = zrb_complain (ZRB_USAGE, "--size: this bridge takes payloads of up to %" PRIu64 " bytes", most);
    } else if (plan->mode != MODE_STREAM && bytes + LEAST_FRAME_REST > frame) {
        self->status = zrb_complain (ZRB_USAGE,
            "--batch %" PRIu64 ": a publish would be larger than the %" PRIu64
            " bytes that this bridge takes; lower it",
            plan_publish_batch (plan), frame);
    }
}

static void s_meet (bench_t *self)
{
    answer_t info;
    cursor_t redis, version;
    span_t text;
    asker_begin (self->asker, "info", 0);
    if (!s_ask (self, &info, MEET_MS * UINT64_C (1000000))) {
        self->status = zrb_complain (ZRB_ABSENT,
            "no bridge answers at %s; start one (deploy/run), or name its ROUTER by --ask", self->plan->ask);
        return;
    }
    if (info.ok) {
        s_copy (self->report.version, sizeof self->report.version, answer_text (&info, "version"));
        s_copy (self->report.durability, sizeof self->report.durability, answer_text (&info, "durability"));
        if (answer_value (&info, "redis", &redis) && map_value (redis, "version", &version) &&
            cursor_str (&version, &text)) {
            s_copy (self->report.redis, sizeof self->report.redis, text);
        }
        s_check_limits (self, &info);
    } else {
        self->status = zrb_complain (ZRB_BAD, "info: %s", info.fault);
    }
    answer_clear (&info);
}

//  Sends what was packed, and waits for its success; else `fault` says what came.
static bool s_do (bench_t *self, char *fault, size_t fault_size)
{
    answer_t answer;
    snprintf (fault, fault_size, "no reply");
    if (!s_ask (self, &answer, run_patience_ns (&self->run))) {
        return false;
    }
    if (!answer.ok) {
        snprintf (fault, fault_size, "%s", answer.fault);
    }
    answer_clear (&answer);
    return answer.ok;
}

//  Finds out where --channel ends, and lets takers begin behind that.
static void s_find_end (bench_t *self)
{
    answer_t status;
    cursor_t channels, numbers, head;
    char fault[200];
    msgpack_packer *packer = asker_begin (self->asker, "status", 1);
    pack_text (packer, "channel");
    pack_text (packer, self->plan->channel);
    if (!s_ask (self, &status, run_patience_ns (&self->run))) {
        self->status = zrb_complain (ZRB_ABSENT, "status: no reply; is the bridge gone?");
        return;
    }
    if (!status.ok || !answer_value (&status, "channels", &channels) ||
        !map_value (channels, self->plan->channel, &numbers) || !map_value (numbers, "head", &head) ||
        !cursor_uint (&head, &self->run.before)) {
        self->status = zrb_complain (ZRB_BAD, "status: %s", status.ok ? "a reply without head" : status.fault);
    }
    answer_clear (&status);
    if (self->status == 0 && self->plan->mode == MODE_QUEUE) {
        packer = asker_begin (self->asker, "group_create", 3);
        pack_text (packer, "channel");
        pack_text (packer, self->plan->channel);
        pack_text (packer, "group");
        pack_text (packer, self->plan->group);
        pack_text (packer, "start");
        pack_text (packer, "last");
        if (!s_do (self, fault, sizeof fault)) {
            self->status = zrb_complain (ZRB_BAD, "group_create: %s", fault);
        }
    }
}

//  Ends the group of the takers; what is left of it harms nobody.
static void s_end_group (bench_t *self)
{
    char fault[200];
    bool done = true;
    for (size_t at = 0; done && at < self->plan->channels; at++) {
        msgpack_packer *packer = asker_begin (self->asker, "group_delete", 2);
        pack_text (packer, "channel");
        pack_str (packer, self->plan->names[at]);
        pack_text (packer, "group");
        pack_text (packer, self->plan->group);
        done = s_do (self, fault, sizeof fault);
    }
}

//  Empties the run's channels. What can't be is told, and harms no result.
static void s_clean (bench_t *self)
{
    char fault[200] = "no reply", pattern[PLAN_NAME_BYTES + 32];
    int size = snprintf (pattern, sizeof pattern, "%s*", self->plan->base);
    bool done = asker_has_room (self->asker);
    if (done) {
        msgpack_packer *packer = asker_begin (self->asker, "flush", 3);
        pack_text (packer, "pattern");
        pack_str (packer, span_of (pattern, (size_t)size));
        pack_text (packer, "all");
        msgpack_pack_true (packer);
        pack_text (packer, "force");
        msgpack_pack_true (packer);
        done = s_do (self, fault, sizeof fault);
    }
    if (!done) {
        zrb_complain (0, "the messages of %s stay in the log (%s); flush them", pattern, fault);
    }
}

//  What a run leaves behind.
static void s_leave (bench_t *self)
{
    if (self->status == ZRB_ABSENT) {
        return;
    }
    if (self->plan->mode == MODE_QUEUE && (self->plan->channel || !self->plan->keep)) {
        s_end_group (self);
    }
    if (!self->plan->keep && !self->plan->channel) {
        s_clean (self);
    }
}

//  Phases

static uint64_t s_done (runner_t **runners, size_t count)
{
    uint64_t done = 0;
    for (size_t at = 0; at < count; at++) {
        done += atomic_load_explicit (&runners[at]->done, memory_order_relaxed);
    }
    return done;
}

//  One line that is written over on a terminal, and a line each elsewhere.
static void s_tell (const bench_t *self, const phase_t *phase, uint64_t done, double rate)
{
    bool over = isatty (STDERR_FILENO);
    double seconds = (double)(clock_ns () - self->run.start_ns) / 1e9;
    fprintf (stderr, "%s%-8s %6.1f s  %12" PRIu64 " messages  %9.0f/s%s", over ? "\r" : "", phase->name, seconds, done,
        rate, over ? "\x1b[K" : "\n");
    fflush (stderr);
}

static int s_take_signals (void)
{
    sigset_t stops;
    sigemptyset (&stops);
    sigaddset (&stops, SIGINT);
    sigaddset (&stops, SIGTERM);
    sigprocmask (SIG_BLOCK, &stops, NULL);
    return signalfd (-1, &stops, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void s_take_signal (bench_t *self)
{
    struct signalfd_siginfo info;
    if (read (self->signals, &info, sizeof info) == sizeof info) {
        if (atomic_exchange (&self->run.stop, true) && self->report.interrupted) {
            _exit (ZRB_BAD);
        }
        self->report.interrupted = true;
    }
}

//  Waits for the end of all runners of a phase, and tells how it goes.
static void s_watch (bench_t *self, const phase_t *phase)
{
    bool terminal = isatty (STDERR_FILENO), tells = self->plan->progress || terminal;
    uint64_t tick_ns = (terminal ? TICK_MS : SLOW_TICK_MS) * UINT64_C (1000000);
    uint64_t told_ns = clock_ns (), told = 0, ended = 0;
    bool any = false;
    while (ended < phase->sender_count + phase->receiver_count) {
        struct pollfd items[] = {{self->signals, POLLIN, 0}, {self->run.ended, POLLIN, 0}};
        poll (items, 2, tells ? TICK_MS / 2 : -1);
        if (items[0].revents) {
            s_take_signal (self);
        }
        uint64_t more;
        if (items[1].revents && read (self->run.ended, &more, sizeof more) == sizeof more) {
            ended += more;
        }
        uint64_t now = clock_ns ();
        if (tells && now >= told_ns + tick_ns) {
            uint64_t done = phase->receiver_count ? s_done (phase->receivers, phase->receiver_count)
                                                  : s_done (phase->senders, phase->sender_count);
            s_tell (self, phase, done, (double)(done - told) * 1e9 / (double)(now - told_ns));
            told_ns = now;
            told = done;
            any = true;
        }
    }
    if (any && terminal) {
        fputs ("\r\x1b[K", stderr);
    }
}

static runner_t **s_new_runners (bench_t *self, size_t count, void (*work) (runner_t *self), bool receives)
{
    runner_t **runners = calloc (count, sizeof *runners);
    assert (runners);
    for (size_t at = 0; at < count; at++) {
        runners[at] = runner_new (&self->run, at, work, receives);
    }
    return runners;
}

static void s_run_phase (bench_t *self, phase_t *phase)
{
    if (phase->sender_count) {
        atomic_store (&self->run.producing, phase->sender_count);
        atomic_store (&self->run.goal, UINT64_MAX);
    }
    if (self->signals < 0) {
        self->signals = s_take_signals ();
    }
    self->run.start_ns = clock_ns ();
    for (size_t at = 0; at < phase->receiver_count; at++) {
        runner_start (phase->receivers[at]);
    }
    for (size_t at = 0; at < phase->sender_count; at++) {
        runner_start (phase->senders[at]);
    }
    s_watch (self, phase);
    for (size_t at = 0; at < phase->receiver_count; at++) {
        runner_join (phase->receivers[at]);
    }
    for (size_t at = 0; at < phase->sender_count; at++) {
        runner_join (phase->senders[at]);
    }
}

static void s_add_error (bench_t *self, runner_t **runners, size_t count)
{
    for (size_t at = 0; at < count && !self->report.error[0]; at++) {
        memcpy (self->report.error, runners[at]->error, sizeof self->report.error);
    }
}

//  What these runners measured is what the run is about.
static void s_measure (bench_t *self, runner_t **runners, size_t count, histogram_t *latency)
{
    uint64_t last_ns = self->run.start_ns;
    for (size_t at = 0; at < count; at++) {
        last_ns = runners[at]->last_ns > last_ns ? runners[at]->last_ns : last_ns;
        histogram_merge (latency, runners[at]->latency);
    }
    self->report.through = s_done (runners, count);
    self->report.receivers = self->plan->mode & (MODE_STREAM | MODE_REPLAY) ? self->plan->subscribers : 1;
    self->report.seconds = (double)(last_ns - self->run.start_ns) / 1e9;
}

//  What the receivers missed or found wrong.
static void s_judge (bench_t *self, runner_t **receivers, size_t count)
{
    report_t *report = &self->report;
    for (size_t at = 0; at < count; at++) {
        const runner_t *receiver = receivers[at];
        report->late += receiver->late;
        report->doubles += receiver->doubles;
        report->damaged += receiver->damaged;
        report->unsettled += receiver->unsettled;
        report->redelivered += receiver->redelivered;
        for (size_t producer = 0; producer < self->plan->producers; producer++) {
            report->lost +=
                tally_missing (receiver->tally, producer, self->run.sent[producer], atomic_load (&self->run.stop));
        }
    }
}

//  Modes

static void s_new_senders (bench_t *self, phase_t *phase, void (*work) (runner_t *self))
{
    phase->sender_count = self->plan->producers;
    phase->senders = s_new_runners (self, phase->sender_count, work, false);
}

static void s_new_receivers (bench_t *self, phase_t *phase, void (*work) (runner_t *self), size_t count)
{
    phase->receiver_count = count;
    phase->receivers = s_new_runners (self, count, work, true);
}

static void s_end_phase (bench_t *self, phase_t *phase)
{
    s_add_error (self, phase->senders, phase->sender_count);
    s_add_error (self, phase->receivers, phase->receiver_count);
    for (size_t at = 0; at < phase->sender_count; at++) {
        runner_destroy (&phase->senders[at]);
    }
    for (size_t at = 0; at < phase->receiver_count; at++) {
        runner_destroy (&phase->receivers[at]);
    }
    free (phase->senders);
    free (phase->receivers);
}

//  Reads all that was sent, by so many readers.
static void s_read_back (bench_t *self, const char *name, size_t readers, histogram_t *latency)
{
    phase_t phase = {.name = name};
    s_new_receivers (self, &phase, reader_read, readers);
    s_run_phase (self, &phase);
    if (latency) {
        s_measure (self, phase.receivers, readers, latency);
    }
    s_judge (self, phase.receivers, readers);
    s_end_phase (self, &phase);
}

static void s_stream (bench_t *self, histogram_t *latency)
{
    const plan_t *plan = self->plan;
    phase_t phase = {.name = "stream"};
    s_new_receivers (self, &phase, subscriber_receive, plan->subscribers);
    for (size_t at = 0; at < plan->subscribers && self->status == 0; at++) {
        char error[256];
        phase.receivers[at]->socket = subscriber_connect (&self->run, error, sizeof error);
        if (!phase.receivers[at]->socket) {
            self->status = zrb_complain (ZRB_ABSENT, "%s", error);
        }
    }
    sem_init (&self->run.room, 0, (unsigned)(plan->in_flight * plan->subscribers));
    s_new_senders (self, &phase, producer_push);
    if (self->status == 0) {
        s_run_phase (self, &phase);
        s_measure (self, phase.receivers, phase.receiver_count, latency);
        s_judge (self, phase.receivers, phase.receiver_count);
    }
    s_end_phase (self, &phase);
    sem_destroy (&self->run.room);
}

static void s_publish (bench_t *self, histogram_t *latency)
{
    phase_t phase = {.name = "publish"};
    s_new_senders (self, &phase, producer_publish);
    s_run_phase (self, &phase);
    s_measure (self, phase.senders, phase.sender_count, latency);
    s_end_phase (self, &phase);
    if (!self->report.error[0]) {
        atomic_store (&self->run.stop, false);  //  what was confirmed is read back, interrupted or not
        s_read_back (self, "check", 1, NULL);
    }
}

static void s_queue (bench_t *self, histogram_t *latency)
{
    phase_t phase = {.name = "queue"};
    s_new_receivers (self, &phase, takers_take, 1);
    s_new_senders (self, &phase, producer_publish);
    s_run_phase (self, &phase);
    s_measure (self, phase.receivers, 1, latency);
    s_judge (self, phase.receivers, 1);
    s_end_phase (self, &phase);
}

static void s_replay (bench_t *self, histogram_t *latency)
{
    phase_t phase = {.name = "fill"};
    s_new_senders (self, &phase, producer_publish);
    s_run_phase (self, &phase);
    s_end_phase (self, &phase);
    if (!atomic_load (&self->run.stop)) {
        s_read_back (self, "replay", self->plan->subscribers, latency);
    }
}

static void s_run_mode (bench_t *self)
{
    static void (*const modes[]) (bench_t * self, histogram_t * latency) = {
        [MODE_STREAM] = s_stream, [MODE_PUBLISH] = s_publish, [MODE_QUEUE] = s_queue, [MODE_REPLAY] = s_replay};
    histogram_t *latency = histogram_new ();
    self->report.latency = latency;
    modes[self->plan->mode](self, latency);
    for (size_t at = 0; at < self->plan->producers; at++) {
        self->report.sent += self->run.sent[at];
    }
    if (self->status == 0) {
        int rc = report_print (&self->report);
        self->status = rc || !report_is_good (&self->report) ? ZRB_BAD : ZRB_GOOD;
        if (self->report.error[0]) {
            zrb_complain (0, "%s", self->report.error);
        }
    }
    histogram_destroy (&latency);
}

//  Life

//  What payloads hold: bytes in no order, the same in all.
static uint8_t *s_new_filler (size_t size, uint32_t seed)
{
    uint8_t *filler = malloc (size);
    assert (filler);
    for (size_t at = 0; at < size; at++) {
        seed = seed * 1664525 + 1013904223;
        filler[at] = (uint8_t)(seed >> 24);
    }
    return filler;
}

static int s_bench (plan_t *plan)
{
    uint8_t *filler = s_new_filler (plan->size, plan->run);
    bench_t self = {.plan = plan,
        .report = {.plan = plan, .receivers = 1},
        .run = {.plan = plan,
            .filler = filler,
            .context = zmq_ctx_new (),
            .ended = eventfd (0, EFD_CLOEXEC),
            .sent = calloc (plan->producers, sizeof *self.run.sent)},
        .signals = -1};
    assert (self.run.context && self.run.sent && self.run.ended >= 0);
    zmq_ctx_set (self.run.context, ZMQ_IO_THREADS, IO_THREADS);
    zmq_ctx_set (self.run.context, ZMQ_MAX_SOCKETS, 8192);
    self.asker = asker_new (self.run.context, plan->ask, 1, &plan->keys);
    if (self.asker) {
        s_meet (&self);
        if (self.status == 0 && plan->channel) {
            s_find_end (&self);
        }
        if (self.status == 0) {
            s_run_mode (&self);
            s_leave (&self);
        }
    } else {
        self.status = zrb_complain (ZRB_USAGE, "can't connect to --ask %s: %s", plan->ask, zmq_strerror (errno));
    }
    asker_destroy (&self.asker);
    zmq_ctx_term (self.run.context);
    if (self.signals >= 0) {
        close (self.signals);
    }
    close (self.run.ended);
    free (self.run.sent);
    free (filler);
    return self.status;
}

int bench_run (const args_t *args)
{
    int status;
    plan_t *plan = plan_new (args, &status);
    if (plan) {
        status = s_bench (plan);
        plan_destroy (&plan);
    }
    return status;
}
