//  commands - the list of subcommands, and the options that all of them have.

#include <string.h>
#include "subcommands.h"

const option_t common_options[] = {
    {"ask", 's', OPTION_TEXT, "ENDPOINT", "tcp://127.0.0.1:5555", 0, 0, "the bridge's ROUTER", "ZRB_ENDPOINT"},
    {"wait", 't', OPTION_TIME, "TIME", "5s", 1, 3600000, "for a bridge that doesn't answer: 500ms, 5s, 10m, 1h",
        "ZRB_WAIT"},
    {"server", 0, OPTION_FILE, "FILE", NULL, 0, 0, "CURVE: the bridge's public certificate", "ZRB_SERVER"},
    {"cert", 0, OPTION_FILE, "FILE", NULL, 0, 0, "CURVE: one's own certificate with the secret key", "ZRB_CERT"},
    {"json", 'j', OPTION_FLAG, NULL, NULL, 0, 0, "print JSON, one object a line", NULL},
    {"help", 'h', OPTION_FLAG, NULL, NULL, 0, 0, "print this", NULL},
};

const size_t common_option_count = sizeof common_options / sizeof *common_options;

const command_t *const commands[] = {
    &ack_command,
    &bench_command,
    &bury_command,
    &dead_command,
    &flush_command,
    &group_command,
    &info_command,
    &keygen_command,
    &nack_command,
    &pause_command,
    &peek_command,
    &pending_command,
    &ping_command,
    &pub_command,
    &redrive_command,
    &release_command,
    &replay_command,
    &resume_command,
    &status_command,
    &sub_command,
    &take_command,
    &top_command,
    &touch_command,
    &work_command,
    NULL,
};

const command_t *command_find (const char *name)
{
    const command_t *const *at = commands;
    while (*at && strcmp ((*at)->name, name) != 0) {
        at++;
    }
    return *at;
}

static bool s_has (const command_t *self, const char *name)
{
    for (size_t at = 0; at < self->option_count; at++) {
        if (strcmp (self->options[at].name, name) == 0) {
            return true;
        }
    }
    return false;
}

const option_t *command_option (const command_t *self, size_t at)
{
    if (at < self->option_count) {
        return &self->options[at];
    }
    at -= self->option_count;
    for (size_t common = 0; common < common_option_count; common++) {
        if (!s_has (self, common_options[common].name) && at-- == 0) {
            return &common_options[common];
        }
    }
    return NULL;
}

char command_letter (const command_t *self, size_t at)
{
    char letter = command_option (self, at)->letter;
    for (size_t before = 0; before < at; before++) {
        if (command_option (self, before)->letter == letter) {
            return 0;
        }
    }
    return letter;
}
