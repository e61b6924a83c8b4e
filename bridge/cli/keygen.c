//  zrb keygen - makes a pair of ZeroMQ certificates: FILE with the public key, FILE_secret with both.
//
//  The secret file is never open to others, not even for a moment, and nothing is overwritten.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>
#include "args.h"
#include "name.h"
#include "output.h"
#include "subcommands.h"
#include "zrb.h"

enum { KEY_SIZE = 41, PUBLIC_MODE = 0644, SECRET_MODE = 0600 };

typedef struct {
    const char *file;
    const char *name;  //  NULL: the file's
} options_t;

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

static int s_run (const args_t *args)
{
    options_t options = {args_text (args, "output"), args_text (args, "name")};
    char name[256], secret_path[PATH_MAX], public_key[KEY_SIZE], secret_key[KEY_SIZE];
    int status = s_name (name, sizeof name, &options);
    if (status != ZRB_GOOD) {
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
    return output_flush ();
}

static const option_t keygen_options[] = {
    {"output", 'o', OPTION_FILE, "FILE", "zrb.cert", 0, 0, "where to write them", NULL},
    {"name", 'n', OPTION_TEXT, "NAME", NULL, 0, 0, "a client's in access rules; else FILE's, without .cert", NULL},
};

const command_t keygen_command = {
    .name = "keygen",
    .operands = "",
    .does = "makes a pair of certificates for CURVE",
    .about = "FILE may be known to all, FILE_secret to its owner alone. Of a client, FILE goes into the bridge's\n"
             "clients_dir, and the client keeps FILE_secret. Of a bridge, secret_key names FILE_secret, and each\n"
             "client is given FILE. Nothing is overwritten.\n",
    .statuses = "Exit status: 0 made, 1 they could not be written, 2 wrong usage.",
    OPTIONS (keygen_options),
    .examples = "  zrb keygen -o bridge.cert              # bridge.cert and bridge.cert_secret\n"
                "  zrb keygen -o alice.cert -n alice\n",
    .run = s_run,
};
