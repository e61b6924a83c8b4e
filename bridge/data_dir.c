//  data_dir - the directory and its two locks. Owned by main's thread, through embedded.
//
//  Must never remove a lock file: another bridge may just be locking it.

#include "data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log.h"

struct data_dir {
    char *path;
    int bridge_lock;  //  -1: not held
    int redis_lock;   //  open, perhaps locked; -1: not open
};

char *data_dir_file (const data_dir_t *self, const char *name)
{
    char *path;
    return asprintf (&path, "%s/%s", self->path, name) < 0 ? NULL : path;
}

const char *data_dir_path (const data_dir_t *self)
{
    return self->path;
}

static int s_open_lock (const data_dir_t *self, const char *name)
{
    char *path = data_dir_file (self, name);
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    free (path);
    return fd;
}

//  The pid that the holder of bridge.lock wrote into it; 0 when it has not yet.
static long s_holder (int fd)
{
    char text[32] = "";
    return pread (fd, text, sizeof text - 1, 0) > 0 ? atol (text) : 0;
}

static void s_sign (int fd)
{
    char text[32];
    int size = snprintf (text, sizeof text, "%ld\n", (long)getpid ());
    //  The lock counts, not the text: without it a second bridge's error has no pid.
    if (ftruncate (fd, 0) || pwrite (fd, text, (size_t)size, 0) != size) {
        log_write (LEVEL_WARN, "main", "lock_unsigned", "error=\"%s\"", strerror (errno));
    }
}

static int s_lock (data_dir_t *self, char *error, size_t error_size)
{
    self->bridge_lock = s_open_lock (self, "bridge.lock");
    self->redis_lock = s_open_lock (self, "redis.lock");
    if (self->bridge_lock < 0 || self->redis_lock < 0) {
        snprintf (error, error_size, "redis.data_dir: cannot write in %s: %s", self->path, strerror (errno));
        return -1;
    }
    if (flock (self->bridge_lock, LOCK_EX | LOCK_NB)) {
        long holder = s_holder (self->bridge_lock);
        if (errno != EWOULDBLOCK) {
            snprintf (error, error_size, "redis.data_dir: cannot lock %s: %s", self->path, strerror (errno));
        } else if (holder > 0) {
            snprintf (error, error_size, "redis.data_dir: %s is in use by another bridge, pid %ld", self->path, holder);
        } else {
            snprintf (error, error_size, "redis.data_dir: %s is in use by another bridge", self->path);
        }
        return -1;
    }
    s_sign (self->bridge_lock);
    return 0;
}

//  Who can write there can take the server over; that is the owner's choice, but he is told.
static void s_warn_if_exposed (const data_dir_t *self)
{
    struct stat status;
    if (stat (self->path, &status) == 0 && (status.st_uid != geteuid () || (status.st_mode & 022))) {
        log_write (LEVEL_WARN, "main", "data_dir_exposed", "path=%s owner=%ld mode=%04o", self->path,
            (long)status.st_uid, (unsigned)status.st_mode & 07777);
    }
}

data_dir_t *data_dir_new (const char *path, char *error, size_t error_size)
{
    if (mkdir (path, 0700) && errno != EEXIST) {
        snprintf (error, error_size, "redis.data_dir: cannot make %s: %s", path, strerror (errno));
        return NULL;
    }
    data_dir_t *self = calloc (1, sizeof *self);
    self->bridge_lock = -1;
    self->redis_lock = -1;
    self->path = realpath (path, NULL);
    if (!self->path) {
        snprintf (error, error_size, "redis.data_dir: cannot use %s: %s", path, strerror (errno));
        data_dir_destroy (&self);
        return NULL;
    }
    if (s_lock (self, error, error_size)) {
        data_dir_destroy (&self);
        return NULL;
    }
    s_warn_if_exposed (self);
    return self;
}

static void s_close (int fd)
{
    if (fd >= 0) {
        close (fd);
    }
}

void data_dir_destroy (data_dir_t **self_p)
{
    data_dir_t *self = *self_p;
    if (!self) {
        return;
    }
    s_close (self->redis_lock);
    s_close (self->bridge_lock);
    free (self->path);
    free (self);
    *self_p = NULL;
}

int data_dir_claim (data_dir_t *self)
{
    return flock (self->redis_lock, LOCK_EX | LOCK_NB) ? -1 : self->redis_lock;
}
