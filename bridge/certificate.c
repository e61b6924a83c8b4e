//  certificate - reads a file of czmq's ZPL: metadata/name, curve/public-key, curve/secret-key.

#include <czmq.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "certificate.h"
#include "name.h"

enum { FILE_BYTES = 65536 };

__attribute__ ((format (printf, 4, 5))) static int s_fail (
    char *error, size_t error_size, const char *path, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start (args, format);
    vsnprintf (what, sizeof what, format, args);
    va_end (args);
    snprintf (error, error_size, "%s: %s", path, what);
    return -1;
}

//  Z85 of one key; zmq_z85_decode looks at neither size nor, in all versions, letters.
static bool s_is_key (const char *text)
{
    static const char *const letters =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    return strlen (text) == CERTIFICATE_KEY_CHARS && strspn (text, letters) == CERTIFICATE_KEY_CHARS;
}

static int s_take (
    certificate_t *self, zconfig_t *root, const char *path, bool with_secret, char *error, size_t error_size)
{
    const char *name = zconfig_get (root, "metadata/name", "");
    const char *public_text = zconfig_get (root, "curve/public-key", "");
    const char *secret = zconfig_get (root, "curve/secret-key", "");
    if (!s_is_key (public_text)) {
        return s_fail (error, error_size, path, "has no public-key that is one");
    }
    if (with_secret && (!s_is_key (secret) || !zmq_z85_decode (self->secret, secret))) {
        return s_fail (error, error_size, path, "has no secret-key that is one");
    }
    if (name_is_valid (span_text (name))) {
        snprintf (self->name, sizeof self->name, "%s", name);
    }
    memcpy (self->public_text, public_text, sizeof self->public_text);
    return 0;
}

int certificate_read (certificate_t *self, const char *path, bool with_secret, char *error, size_t error_size)
{
    memset (self, 0, sizeof *self);
    int fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);  //  waits for nobody, whatever lies there
    FILE *file = fd < 0 ? NULL : fdopen (fd, "r");
    struct stat stat;
    zchunk_t *chunk = NULL;
    int rc = -1;
    if (!file) {
        s_fail (error, error_size, path, "%s", strerror (errno));
    } else if (fstat (fileno (file), &stat) || !S_ISREG (stat.st_mode)) {
        s_fail (error, error_size, path, "not a file");
    } else if (with_secret && (stat.st_mode & (S_IROTH | S_IWOTH))) {
        s_fail (error, error_size, path, "open to all on this host: chmod o-rwx it");
    } else if (stat.st_size > FILE_BYTES || !(chunk = zchunk_read (file, (size_t)stat.st_size))) {
        s_fail (error, error_size, path, "not a certificate");
    } else {
        zconfig_t *root = zconfig_chunk_load (chunk);
        rc = root ? s_take (self, root, path, with_secret, error, error_size)
                  : s_fail (error, error_size, path, "not a certificate");
        zconfig_destroy (&root);
    }
    zchunk_destroy (&chunk);
    if (file) {
        fclose (file);
    }
    return rc;
}
