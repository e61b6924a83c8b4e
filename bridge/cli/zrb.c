//  zrb - the command line: finds the subcommand and lets it do its work.

#include "zrb.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *does;
    int (*run) (int argc, char *argv[]);
} commands[] = {
    {"bench", "measures a bridge, and checks that nothing is lost on the way", bench_main},
    {"keygen", "makes certificates for CURVE", keygen_main},
    {"ping", "asks whether a bridge and its Redis answer", ping_main},
};

static void s_print_help (void)
{
    puts ("Usage: zrb COMMAND [OPTION]...\n\nThe command line of zrbridge.\n\nCommands:");
    for (size_t at = 0; at < sizeof commands / sizeof *commands; at++) {
        printf ("  %-8s  %s\n", commands[at].name, commands[at].does);
    }
    puts ("\nzrb COMMAND --help tells more; zrb --version prints the version.\n"
          "Exit status: 0 good, 1 a check failed, 2 wrong usage, 3 no bridge answers.");
}

int main (int argc, char *argv[])
{
    signal (SIGPIPE, SIG_IGN);
    if (argc < 2) {
        return zrb_complain (ZRB_USAGE, "wants a command; see zrb --help");
    }
    if (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0) {
        s_print_help ();
        return ZRB_GOOD;
    }
    if (strcmp (argv[1], "--version") == 0) {
        puts ("zrb " ZRB_VERSION);
        return ZRB_GOOD;
    }
    for (size_t at = 0; at < sizeof commands / sizeof *commands; at++) {
        if (strcmp (argv[1], commands[at].name) == 0) {
            return commands[at].run (argc - 1, argv + 1);
        }
    }
    return zrb_complain (ZRB_USAGE, "knows no command \"%.64s\"; see zrb --help", argv[1]);
}
