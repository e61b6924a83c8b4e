//  main - arguments, configuration, signals; starts what serves, watches it, and stops it in reverse.
//
//  Owns the process: its signals, limits and exit status, the embedded Redis and the crew. Runs in main's
//  thread. Must never touch a message. Exit status: 0 stopped as asked, 1 could not start or go on, 2 bad
//  usage or configuration.

#include <czmq.h>
#include <getopt.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include "config.h"
#include "crew.h"
#include "embedded.h"
#include "log.h"
#include "notify.h"
#include "security.h"
#include "socket.h"
#include "store.h"

enum {
    EXIT_USAGE = 2,
    ERROR_BYTES = 1024,
    SAME_WISH_MS = 500  //  supervisors send one stop twice, to the process and to its group
};

typedef struct {
    const char *path;  //  NULL: the defaults
    bool check;        //  only validate
    bool hello;        //  greet also where stdout is no terminal
} arguments_t;

typedef struct {
    const config_t *config;
    const char *path;      //  where that was read; NULL: the defaults
    embedded_t *embedded;  //  NULL in mode "server"
    crew_t *crew;
    int signals;  //  a signalfd
    bool stopping;
    int64_t stopping_ms;  //  since when, as zclock_mono tells it
    bool failed;
} bridge_t;

static const char *const usage =
    "Usage: zrbridge [-c FILE] [--check] [--hello] [--version] [--help]\n"
    "  -c FILE    configuration; without it ./bridge.toml when there, else the defaults\n"
    "  --check    only validate the configuration\n"
    "  --hello    print the endpoints and a line to try, as is done on a terminal\n"
    "  --version  print the version\n"
    "  --help     print this\n"
    "ZRB_<SECTION>_<KEY> in the environment overrides a key, as in ZRB_REDIS_MODE=server.\n"
    "SIGINT or SIGTERM stops the bridge once it has stored what has arrived; a second one\n"
    "stops it at once. SIGHUP reads log_level, clients and access rules again; SIGUSR1 writes the state to the log.\n";

static int s_complain (int status, const char *error)
{
    fprintf (stderr, "zrbridge: %s\n", error);
    return status;
}

//  Returns -1 to go on, or the exit status.
static int s_parse_arguments (arguments_t *self, int argc, char *argv[])
{
    static const struct option options[] = {{"check", no_argument, NULL, 'k'}, {"hello", no_argument, NULL, 'o'},
        {"version", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    *self = (arguments_t){.path = access ("bridge.toml", F_OK) == 0 ? "bridge.toml" : NULL};
    while ((option = getopt_long (argc, argv, ":c:", options, NULL)) >= 0) {
        switch (option) {
        case 'c':
            self->path = optarg;
            break;
        case 'k':
            self->check = true;
            break;
        case 'o':
            self->hello = true;
            break;
        case 'v':
            puts ("zrbridge " ZRB_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            fputs (usage, stdout);
            return EXIT_SUCCESS;
        case ':':
            return s_complain (EXIT_USAGE, "-c wants a file; see zrbridge --help");
        default:
            return s_complain (EXIT_USAGE, "unknown option; see zrbridge --help");
        }
    }
    return optind == argc ? -1 : s_complain (EXIT_USAGE, "takes no arguments but options; see zrbridge --help");
}

//  A descriptor 0, 1 or 2 that we were started without would else become a socket that prints go to.
static void s_open_standard_files (void)
{
    int fd;
    do {
        fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close (fd);
    }
}

//  Each peer costs a descriptor.
static void s_raise_limits (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit (RLIMIT_NOFILE, &limit);
    }
}

//  Blocks the signals that main obeys, in this thread and so in all that it starts. Returns a signalfd.
static int s_take_signals (void)
{
    sigset_t obeyed;
    sigemptyset (&obeyed);
    sigaddset (&obeyed, SIGINT);
    sigaddset (&obeyed, SIGTERM);
    sigaddset (&obeyed, SIGHUP);
    sigaddset (&obeyed, SIGUSR1);
    sigprocmask (SIG_BLOCK, &obeyed, NULL);
    signal (SIGHUP, SIG_DFL);  //  nohup lets it be ignored; here it does no harm
    signal (SIGPIPE, SIG_IGN);
    signal (SIGCHLD, SIG_DFL);  //  whoever started us may have ignored it; then no child could be reaped
    return signalfd (-1, &obeyed, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void s_print_endpoints (const char *endpoints)
{
    static const struct {
        const char *key, *use;
    } uses[] = {
        {"pull=", "PUSH messages here"},
        {"sub=", "or PUB them here"},
        {"pub=", "SUB: messages live"},
        {"router=", "REQ or DEALER: publish, replay, flush, …"},
        {"push=", "PULL: work, pushed"},
        {"http=", "GET /metrics, /healthz, /readyz, /status"},
    };
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        for (const char *word = endpoints; *word; word += strspn (word, " ")) {
            int size = (int)strcspn (word, " ");
            int key = (int)strlen (uses[i].key);
            if (size > key && strncmp (word, uses[i].key, (size_t)key) == 0) {
                printf ("  %-6.*s  %.*s  %s\n", key - 1, word, size - key, word + key, uses[i].use);
            }
            word += size;
        }
    }
}

static void s_say_hello (const char *endpoints)
{
    printf ("zrbridge " ZRB_VERSION " serves\n");
    s_print_endpoints (endpoints);
    const char *router = strstr (endpoints, "router=");
    if (router) {
        router += strlen ("router=");
        printf ("Try, in another terminal (packages python3-zmq and python3-msgpack):\n"
                "  python3 -c 'import zmq, msgpack; s = zmq.Context().socket(zmq.REQ); s.connect(\"%.*s\"); "
                "s.send(msgpack.packb({\"op\": \"publish\", \"channel\": \"orders\", \"payload\": b\"hello\"})); "
                "print(msgpack.unpackb(s.recv()))'\n",
            (int)strcspn (router, ", "), router);
    }
    fflush (stdout);
}

static int s_start (bridge_t *self, const arguments_t *arguments)
{
    char error[ERROR_BYTES] = "";
    const config_t *config = self->config;
    if (streq (config->mode, "embedded")) {
        self->embedded = embedded_new (config->data_dir, config->fsync, error, sizeof error);
        if (!self->embedded) {
            return s_complain (-1, error);
        }
    }
    const char *url = self->embedded ? embedded_url (self->embedded) : config->url;
    self->crew = crew_new (config, url, error, sizeof error);
    if (!self->crew) {
        return s_complain (-1, error);
    }
    const char *endpoints = crew_endpoints (self->crew);
    log_write (LEVEL_INFO, "main", "ready", "%s name=%s mode=%s version=%s pid=%ld", endpoints, config->name,
        config->mode, ZRB_VERSION, (long)getpid ());
    notify_ready (endpoints);
    if (arguments->hello || isatty (STDOUT_FILENO)) {
        s_say_hello (endpoints);
    }
    return 0;
}

static void s_stop (bridge_t *self)
{
    self->stopping = true;
    self->stopping_ms = zclock_mono ();
    notify_stopping (self->config->grace_ms);
    crew_stop (self->crew);
}

//  Reads the configuration again. What is wrong is told, and then all stays as it was.
static void s_reload (const bridge_t *self)
{
    char error[ERROR_BYTES] = "";
    config_t *config = config_new (self->path, error, sizeof error);
    if (config && crew_reload (self->crew, config, error, sizeof error) == 0) {
        log_set_level (config->log_level);
        log_write (LEVEL_WARN, "main", "reloaded", "log_level=%s", config->log_level);
    } else {
        log_write (LEVEL_ERROR, "main", "reload_refused", "why=\"%s\"", error);
    }
    config_destroy (&config);
}

static void s_take_stop (bridge_t *self, uint32_t number)
{
    if (self->stopping && zclock_mono () - self->stopping_ms < SAME_WISH_MS) {
        return;
    }
    if (self->stopping) {
        log_write (LEVEL_WARN, "main", "stopped_at_once", "signal=%u", number);
        _exit (EXIT_FAILURE);
    }
    log_write (LEVEL_INFO, "main", "stopping", "signal=%u", number);
    s_stop (self);
}

static void s_take_signal (bridge_t *self)
{
    struct signalfd_siginfo info;
    if (read (self->signals, &info, sizeof info) != sizeof info) {
        return;
    }
    if (info.ssi_signo == SIGHUP) {
        s_reload (self);
    } else if (info.ssi_signo == SIGUSR1) {
        crew_log (self->crew);
    } else {
        s_take_stop (self, info.ssi_signo);
    }
}

//  -1: no limit.
static long s_shorter (long a_ms, long b_ms)
{
    return a_ms < 0 ? b_ms : b_ms < 0 || a_ms < b_ms ? a_ms : b_ms;
}

//  Until the crew is gone; an embedded Redis that ends while the crew still stores is started again.
static void s_serve (bridge_t *self)
{
    while (!crew_is_gone (self->crew)) {
        int redis_fd = self->embedded ? embedded_fd (self->embedded) : -1;
        zmq_pollitem_t items[crew_size (self->crew) + 2];
        items[0] = (zmq_pollitem_t){NULL, self->signals, ZMQ_POLLIN, 0};
        int count = 1 + crew_poll_items (self->crew, items + 1);
        if (redis_fd >= 0) {
            items[count++] = (zmq_pollitem_t){NULL, redis_fd, ZMQ_POLLIN, 0};
        }
        zmq_poll (items, count, s_shorter (notify_alive (), self->embedded ? embedded_retry_ms (self->embedded) : -1));
        s_take_signal (self);
        if (self->embedded) {
            embedded_revive (self->embedded);
        }
        if (crew_work (self->crew)) {
            self->failed = true;
            s_stop (self);
        }
    }
}

//  The mark says that Redis is shut down with all it was told, so it is not set when anything went wrong.
static void s_end (bridge_t *self)
{
    bool served = self->crew != NULL;
    crew_destroy (&self->crew);
    if (self->embedded && served && !self->failed) {
        if (store_mark_clean (embedded_url (self->embedded), self->config->prefix)) {
            log_write (LEVEL_WARN, "main", "not_marked_clean", "prefix=%s", self->config->prefix);
        }
    }
    embedded_destroy (&self->embedded);
    if (served) {
        log_write (LEVEL_INFO, "main", "stopped", "failed=%d", self->failed);
    }
}

static int s_run (const config_t *config, const arguments_t *arguments)
{
    s_open_standard_files ();
    s_raise_limits ();
    bridge_t bridge = {.config = config, .path = arguments->path, .signals = s_take_signals ()};
    zsys_handler_set (NULL);
    zsys_init ();
    zsys_set_linger (SOCKET_LINGER_MS);
    if (s_start (&bridge, arguments)) {
        bridge.failed = true;
    } else {
        s_serve (&bridge);
    }
    s_end (&bridge);
    zsys_shutdown ();
    close (bridge.signals);
    return bridge.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main (int argc, char *argv[])
{
    arguments_t arguments;
    int status = s_parse_arguments (&arguments, argc, argv);
    if (status >= 0) {
        return status;
    }
    char error[ERROR_BYTES] = "";
    config_t *config = config_new (arguments.path, error, sizeof error);
    if (!config || security_prepare (config, error, sizeof error)) {
        config_destroy (&config);
        return s_complain (EXIT_USAGE, error);
    }
    log_set_level (config->log_level);
    log_set_format (config->log_format);
    if (arguments.check) {
        printf ("%s: ok\n", arguments.path ? arguments.path : "the defaults");
        status = EXIT_SUCCESS;
    } else {
        status = s_run (config, &arguments);
    }
    config_destroy (&config);
    return status;
}
