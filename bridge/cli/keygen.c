//  zrb keygen - makes a pair of ZeroMQ certificates: FILE with the public key, FILE_secret with both.
//
//  The secret file is never open to others, not even for a moment, and nothing is overwritten.

#include "name.h"
#include "zrb.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum { KEY_SIZE = 41, PUBLIC_MODE = 0644, SECRET_MODE = 0600 };

typedef struct {
    const char *file;
    const char *name;  //  NULL: the file's
} options_t;

static const char *const help =
    "Usage: zrb keygen [OPTION]...\n\n"
    "Makes a pair of certificates for CURVE: FILE, which may be known to all, and FILE_secret, which may not.\n"
    "Of a client, FILE goes into the bridge's clients_dir, and the client keeps FILE_secret. Of a bridge, it is\n"
    "the other way round: secret_key names FILE_secret, and each client is given FILE.\n\n"
    "  -o, --output FILE  where to write them (zrb.cert)\n"
    "  -n, --name NAME    by which access rules know a client (FILE's name, without .cert)\n\n"
    "Exit status: 0 made, 1 they could not be written, 2 wrong usage.\n\n"
    "Example:\n"
    "  zrb keygen -o bridge.cert && zrb keygen -o clients/alice.cert\n";

//  Returns -1 to go on, or the exit status.
static int s_parse (options_t *self, int argc, char *argv[])
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
        {"name", required_argument, NULL, 'n'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long (argc, argv, ":o:n:h", options, NULL)) >= 0) {
        switch (option) {
        case 'o':
            self->file = optarg;
            break;
        case 'n':
            self->name = optarg;
            break;
        case 'h':
            fputs (help, stdout);
            return ZRB_GOOD;
        case ':':
            return zrb_complain (ZRB_USAGE, "%.64s wants a value; see zrb keygen --help", argv[optind - 1]);
        default:
            return zrb_complain (ZRB_USAGE, "keygen knows no option %.64s; see zrb keygen --help", argv[optind - 1]);
        }
    }
    if (optind < argc) {
        return zrb_complain (ZRB_USAGE, "keygen takes no \"%.64s\"; see zrb keygen --help", argv[optind]);
    }
    return -1;
}

//  The file's name, without its directory and .cert, when no other was given.
static int s_name (char *name, size_t size, const options_t *options)
{
    const char *slash = strrchr (options->file, '/'), *text = options->name;
    if (!text) {
        static const char ending[] = ".cert";
        text = slash ? slash + 1 : options->file;
        size_t length = strlen (text), tail = sizeof ending - 1;
        bool ends = length > tail && strcmp (text + length - tail, ending) == 0;
        snprintf (name, size, "%.*s", (int)(ends ? length - tail : length), text);
    } else {
        snprintf (name, size, "%s", text);
    }
    const char *flaw = name_flaw (span_text (options->name ? options->name : name));
    //  The file's format has no way to write a quote.
    flaw = !flaw && strchr (name, '"') ? "has a quote" : flaw;
    return flaw ? zrb_complain (ZRB_USAGE, "--name: %s", flaw) : ZRB_GOOD;
}

//  Returns 0, or -1 with errno.
static int s_write (const char *path, int mode, const char *name, const char *public_key, const char *secret_key)
{
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return -1;
    }
    FILE *file = fdopen (fd, "w");
    fprintf (file, "#   ZeroMQ CURVE %s certificate, made by zrb keygen\n", secret_key ? "**secret**" : "public");
    fprintf (file, "metadata\n    name = \"%s\"\ncurve\n    public-key = \"%s\"\n", name, public_key);
    if (secret_key) {
        fprintf (file, "    secret-key = \"%s\"\n", secret_key);
    }
    bool written = fflush (file) == 0 && fsync (fd) == 0;
    int reason = errno;
    if (fclose (file) || !written) {
        unlink (path);
        errno = reason;
        return -1;
    }
    return 0;
}

int keygen_main (int argc, char *argv[])
{
    options_t options = {"zrb.cert", NULL};
    char name[256], secret_path[PATH_MAX], public_key[KEY_SIZE], secret_key[KEY_SIZE];
    int status = s_parse (&options, argc, argv);
    if (status >= 0 || (status = s_name (name, sizeof name, &options)) != ZRB_GOOD) {
        return status;
    }
    if ((size_t)snprintf (secret_path, sizeof secret_path, "%s_secret", options.file) >= sizeof secret_path) {
        return zrb_complain (ZRB_USAGE, "--output: too long");
    }
    if (zmq_curve_keypair (public_key, secret_key)) {
        return zrb_complain (ZRB_BAD, "this ZeroMQ has no CURVE: %s", zmq_strerror (errno));
    }
    if (s_write (secret_path, SECRET_MODE, name, public_key, secret_key)) {
        return zrb_complain (ZRB_BAD, "cannot write %.256s: %s", secret_path, strerror (errno));
    }
    if (s_write (options.file, PUBLIC_MODE, name, public_key, NULL)) {
        int reason = errno;
        unlink (secret_path);
        return zrb_complain (ZRB_BAD, "cannot write %.256s: %s", options.file, strerror (reason));
    }
    printf ("%s and %s for %s\n", options.file, secret_path, name);
    return ZRB_GOOD;
}
