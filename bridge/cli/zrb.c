//  zrb - the command line: finds the subcommand, reads its arguments, and lets it do its work.

#include "zrb.h"
#include <stdio.h>
#include <string.h>
#include "args.h"
#include "help.h"

static int s_run (const command_t *command, int argc, char *argv[])
{
    int status;
    args_t *args = args_new (command, argc, argv, &status);
    if (args) {
        status = command->run (args);
        args_destroy (&args);
    }
    return status;
}

//  SIGPIPE keeps its way: who reads no more of the output ends the program, silently.
int main (int argc, char *argv[])
{
    const char *word = argc > 1 ? argv[1] : "";
    const command_t *command = command_find (word);
    if (command) {
        return s_run (command, argc - 1, argv + 1);
    }
    if (argc < 2) {
        return zrb_complain (ZRB_USAGE, "wants a command; see zrb --help");
    }
    if (strcmp (word, "--help") == 0 || strcmp (word, "-h") == 0) {
        help_print ();
    } else if (strcmp (word, "--version") == 0) {
        puts ("zrb " ZRB_VERSION);
    } else if (strcmp (word, "--man") == 0) {
        help_print_man ();
    } else if (strcmp (word, "--completion") == 0 && argc == 3 && help_print_completion (argv[2]) == 0) {
        return ZRB_GOOD;
    } else {
        return zrb_complain (ZRB_USAGE, "knows no command \"%.64s\"; see zrb --help", word);
    }
    return ZRB_GOOD;
}
