//  clients - reads clients_dir. Holds nothing.

#include <dirent.h>
#include "clients.h"
#include "log.h"
#include "name.h"

void clients_clear (clients_t *self)
{
    free (self->items);
    *self = (clients_t){NULL, 0};
}

static const client_t *s_with_key (const clients_t *self, const char *key)
{
    for (size_t i = 0; i < self->count; i++) {
        if (streq (self->items[i].key, key)) {
            return &self->items[i];
        }
    }
    return NULL;
}

//  Adds the file's client, or returns -1 with what is wrong with it.
static int s_add (clients_t *self, const char *dir, const char *file, char *wrong, size_t wrong_size)
{
    char path[PATH_MAX];
    certificate_t certificate;
    snprintf (path, sizeof path, "%s/%s", dir, file);
    if (certificate_read (&certificate, path, false, wrong, wrong_size)) {
        return -1;
    }
    const client_t *other = s_with_key (self, certificate.public_text);
    if (other) {
        snprintf (wrong, wrong_size, "%.256s: its key is %s's", path, other->name);
        return -1;
    }
    if (!*certificate.name && !name_is_valid (span_text (file))) {
        snprintf (wrong, wrong_size, "%.256s: has no name that is one, nor has its file", path);
        return -1;
    }
    self->items = realloc (self->items, (self->count + 1) * sizeof *self->items);
    client_t *client = &self->items[self->count++];
    snprintf (client->name, sizeof client->name, "%.*s", LIMIT_NAME_BYTES, *certificate.name ? certificate.name : file);
    memcpy (client->key, certificate.public_text, sizeof client->key);
    return 0;
}

static int s_is_wanted (const struct dirent *entry)
{
    static const char secret[] = "_secret";
    size_t size = strlen (entry->d_name), tail = sizeof secret - 1;
    bool is_secret = size >= tail && streq (entry->d_name + size - tail, secret);
    return entry->d_name[0] != '.' && !is_secret;
}

int clients_read (clients_t *self, const char *dir, char *error, size_t error_size)
{
    struct dirent **entries;
    int count = scandir (dir, &entries, s_is_wanted, alphasort);
    *self = (clients_t){NULL, 0};
    if (count < 0) {
        snprintf (error, error_size, "security.clients_dir: %.256s: %s", dir, strerror (errno));
        return -1;
    }
    for (int i = 0; i < count; i++) {
        char wrong[512];
        if (s_add (self, dir, entries[i]->d_name, wrong, sizeof wrong)) {
            log_write (LEVEL_WARN, "main", "certificate_left_out", "reason=\"%s\"", wrong);
        }
        free (entries[i]);
    }
    free (entries);
    return 0;
}
