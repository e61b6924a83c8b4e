//  man - the man page, from the table.

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "help.h"

//  Text as troff takes it: "-" and "\" with a backslash, and no line that begins with a dot or a quote.
static void s_put (const char *text, size_t size)
{
    bool begins = true;
    for (size_t at = 0; at < size; at++) {
        if (begins && (text[at] == '.' || text[at] == '\'')) {
            fputs ("\\&", stdout);
        }
        begins = text[at] == '\n';
        if (text[at] == '-') {
            fputs ("\\-", stdout);
        } else if (text[at] == '\\') {
            fputs ("\\e", stdout);
        } else {
            putchar (text[at]);
        }
    }
}

static void s_text (const char *text)
{
    s_put (text, strlen (text));
}

static void s_option (const option_t *option, char letter)
{
    puts (".TP");
    fputs (option->word ? ".BI \"" : ".B \"", stdout);
    if (letter) {
        printf ("\\-%c, ", letter);
    }
    fputs ("\\-\\-", stdout);
    s_text (option->name);
    fputs (option->word ? " \" \"" : "\"\n", stdout);
    if (option->word) {
        s_text (option->word);
        puts ("\"");
    }
    s_text (option->help);
    if (option->standard) {
        fputs ("; by default ", stdout);
        s_text (option->standard);
    }
    puts (".");
    if (option->environment) {
        printf (".br\n.B %s\nin the environment, ", option->environment);
        for (const char *at = option->environment + strlen ("ZRB_"); *at; at++) {
            putchar (tolower ((unsigned char)*at));
        }
        puts (" in the configuration file.");
    }
}

static void s_command (const command_t *command)
{
    printf (".SS \"zrb %s", command->name);
    fputs (*command->operands ? " [OPTION]... " : " [OPTION]...", stdout);
    s_text (command->operands);
    fputs ("\"\nIt ", stdout);
    s_text (command->does);
    puts (".");
    if (*command->about) {
        puts (".PP\n.nf");
        s_text (command->about);
        puts (".fi");
    }
    for (size_t at = 0; at < command->option_count; at++) {
        s_option (&command->options[at], command_letter (command, at));
    }
    puts (".PP\n.nf");
    s_text (command->examples);
    puts (".fi");
    if (command->statuses) {
        puts (".PP");
        s_text (command->statuses);
        puts ("");
    }
}

void help_print_man (void)
{
    puts (".\\\" Made by zrb --man from the table of subcommands in bridge/cli; not to be edited.\n"
          ".TH ZRB 1 \"\" \"zrbridge\" \"User Commands\"\n.SH NAME\n"
          "zrb \\- the command line of zrbridge: publish, subscribe, replay, work, look\n"
          ".SH SYNOPSIS\n.B zrb\n.I COMMAND\n.RI [ OPTION ]...\n.br\n.B zrb\n.BR \\-\\-help \" | \" \\-\\-version\n"
          ".SH DESCRIPTION\n.B zrb\nasks a running\n.BR zrbridge (1)\n"
          "over its ROUTER, and receives from its PUB.\n"
          "JSON is one object a line. Payloads and headers are strings there where they are UTF\\-8; else\n"
          ".I key\nbecomes\n.IR key _base64.\n.SH COMMON OPTIONS");
    for (size_t at = 0; at < common_option_count; at++) {
        s_option (&common_options[at], common_options[at].letter);
    }
    puts (".SH COMMANDS");
    for (const command_t *const *at = commands; *at; at++) {
        s_command (*at);
    }
    puts (".SH ENVIRONMENT AND FILES\nWhat the command line does not say is taken from the environment, else from\n"
          ".I ~/.config/zrb.toml\n($XDG_CONFIG_HOME/zrb.toml), or from the file that\n.B ZRB_CONFIG\nnames. It has "
          "lines\n"
          ".IR \"key\" \" = \\(dq\" \"value\" \"\\(dq\" .\n.PP\n.B NO_COLOR\nturns colour off.\n"
          ".SH EXIT STATUS\n.TP\n.B 0\ngood\n.TP\n.B 1\nwhat was asked for could not be done, or a check failed\n"
          ".TP\n.B 2\nwrong usage\n.TP\n.B 3\nno bridge answers\n.TP\n.B 130, 143\nended by Ctrl\\-C, by SIGTERM\n"
          ".SH SEE ALSO\n.BR zrbridge (1)");
}
