//  help - --help, from the table.

#include "help.h"
#include <stdio.h>

static const char *const statuses =
    "Exit status: 0 good, 1 what was asked for could not be done, 2 wrong usage, 3 no bridge answers.";

void help_print (void)
{
    puts ("Usage: zrb COMMAND [OPTION]...\n\nThe command line of zrbridge.\n\nCommands:");
    for (const command_t *const *at = commands; *at; at++) {
        printf ("  %-8s  %s\n", (*at)->name, (*at)->does);
    }
    printf ("\nzrb COMMAND --help tells more; zrb --version prints the version.\n%s\n", statuses);
}

static void s_print_option (const option_t *option, char letter)
{
    char left[64], dash[8] = "    ";
    if (letter) {
        snprintf (dash, sizeof dash, "-%c, ", letter);
    }
    snprintf (
        left, sizeof left, "%s--%s%s%s", dash, option->name, option->word ? " " : "", option->word ? option->word : "");
    printf ("  %-24s  %s", left, option->help);
    if (option->standard) {
        printf (" (%s)", option->standard);
    }
    puts ("");
}

void help_print_command (const command_t *command)
{
    printf ("Usage: zrb %s [OPTION]...%s%s\n\nIt %s.\n", command->name, *command->operands ? " " : "",
        command->operands, command->does);
    if (*command->about) {
        printf ("\n%s", command->about);
    }
    puts ("\nOptions:");
    const option_t *option;
    for (size_t at = 0; (option = command_option (command, at)); at++) {
        s_print_option (option, command_letter (command, at));
    }
    printf ("\nExamples:\n%s\n%s\n", command->examples, command->statuses ? command->statuses : statuses);
}
