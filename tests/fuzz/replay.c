//  replay - hands the files of directories to a target, for those who have no libFuzzer: what was found once stays mended.
//
//  fuzz_TARGET DIRECTORY…; exit status 0, or a crash that the name of the file stands before.

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "fuzz.h"

static int s_replay (const char *path)
{
    struct stat stat_of;
    FILE *file = fopen (path, "rb");
    if (!file || fstat (fileno (file), &stat_of)) {
        perror (path);
        exit (1);
    }
    size_t size = (size_t)stat_of.st_size;
    uint8_t *data = malloc (size);
    if (fread (data, 1, size, file) != size) {
        perror (path);
        exit (1);
    }
    fclose (file);
    printf ("%s\n", path);
    fflush (stdout);
    LLVMFuzzerTestOneInput (data, size);
    free (data);
    return 1;
}

static int s_replay_all (const char *directory)
{
    int count = 0;
    DIR *dir = opendir (directory);
    if (!dir) {
        perror (directory);
        exit (1);
    }
    for (const struct dirent *entry; (entry = readdir (dir));) {
        char path[PATH_MAX];
        snprintf (path, sizeof path, "%s/%s", directory, entry->d_name);
        count += entry->d_name[0] == '.' ? 0 : s_replay (path);
    }
    closedir (dir);
    return count;
}

int main (int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        count += s_replay_all (argv[i]);
    }
    printf ("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
