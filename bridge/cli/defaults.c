//  defaults - see defaults.h. Main's thread.

#include "defaults.h"
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config_toml.h"
#include "zrb.h"

struct defaults_s {
    char *path;
    toml_items_t *items;  //  NULL: no file
    char where[256];
};

//  The key of an option in the file: ZRB_ENDPOINT is endpoint.
static bool s_is_key (const option_t *option, const char *key)
{
    const char *name = option->environment ? option->environment + strlen ("ZRB_") : "";
    while (*name && tolower ((unsigned char)*name) == *key) {
        name++;
        key++;
    }
    return option->environment && !*name && !*key;
}

static bool s_is_known (const char *key)
{
    for (const command_t *const *command = commands; *command; command++) {
        const option_t *option;
        for (size_t at = 0; (option = command_option (*command, at)); at++) {
            if (s_is_key (option, key)) {
                return true;
            }
        }
    }
    return false;
}

//  NULL: none is there, and none need be.
static char *s_path (void)
{
    const char *named = getenv ("ZRB_CONFIG"), *folder = getenv ("XDG_CONFIG_HOME"), *home = getenv ("HOME");
    char *path = NULL;
    if (named && *named) {
        path = strdup (named);
        assert (path);
        return path;
    }
    int rc = folder && *folder ? asprintf (&path, "%s/zrb.toml", folder)
             : home            ? asprintf (&path, "%s/.config/zrb.toml", home)
                               : 0;
    if (rc > 0 && access (path, F_OK) == 0) {
        return path;
    }
    free (path);
    return NULL;
}

static int s_check (const defaults_t *self)
{
    for (size_t at = 0; at < self->items->count; at++) {
        const toml_item_t *item = &self->items->items[at];
        if (*item->section || item->kind == TOML_SECTION) {
            return zrb_complain (
                ZRB_USAGE, "%s:%u: has no [%s]; only key = \"value\"", self->path, item->line, item->section);
        }
        if (!s_is_known (item->key)) {
            return zrb_complain (
                ZRB_USAGE, "%s:%u: unknown key \"%.64s\"; see man zrb", self->path, item->line, item->key);
        }
        if (item->kind != TOML_TEXT) {
            return zrb_complain (
                ZRB_USAGE, "%s:%u: %s is %s, not a string in quotes", self->path, item->line, item->key, item->what);
        }
    }
    return 0;
}

defaults_t *defaults_new (int *status)
{
    char error[512];
    defaults_t *self = calloc (1, sizeof *self);
    assert (self);
    *status = 0;
    self->path = s_path ();
    if (self->path) {
        self->items = config_toml_new (self->path, error, sizeof error);
        *status = self->items ? s_check (self) : zrb_complain (ZRB_USAGE, "%s", error);
    }
    if (*status) {
        defaults_destroy (&self);
    }
    return self;
}

void defaults_destroy (defaults_t **self_p)
{
    defaults_t *self = *self_p;
    if (self) {
        config_toml_destroy (&self->items);
        free (self->path);
        free (self);
        *self_p = NULL;
    }
}

const char *defaults_text (defaults_t *self, const option_t *option, const char **where)
{
    const char *text = getenv (option->environment);
    *where = option->environment;
    if (text && *text) {
        return text;
    }
    for (size_t at = 0; self->items && at < self->items->count; at++) {
        const toml_item_t *item = &self->items->items[at];
        if (s_is_key (option, item->key)) {
            snprintf (self->where, sizeof self->where, "%s:%u: %s", self->path, item->line, item->key);
            *where = self->where;
            return item->texts[0];
        }
    }
    return NULL;
}
