//  name - the rules for names of channels, groups and consumers, and Redis's globs over them.

#ifndef NAME_H_INCLUDED
#define NAME_H_INCLUDED

#include "span.h"

//  1-200 bytes of UTF-8 without control characters, spaces or any of *?[]{}\ (PROTOCOL.md, Names).
//  Control characters: U+0000-U+001F, U+007F-U+009F. Spaces: U+0020 and Unicode's other white space.
bool name_is_valid (span_t name);

//  What is wrong with a name, to stand behind "channel: "; NULL when it is valid. The text is static.
const char *name_flaw (span_t name);

//  1-200 bytes of UTF-8: a name that can be shown, whether or not it is valid.
bool name_is_text (span_t name);

//  Whether bytes are UTF-8, as RFC 3629 has it.
bool text_is_utf8 (span_t text);

//  Names that begin with '$' are the bridge's own: read by clients, never written.
bool name_is_reserved (span_t name);

//  A glob: 1-200 bytes of UTF-8 without control characters or spaces.
bool glob_is_valid (span_t glob);

//  Whether it has none of the marks of a glob, and so stands for itself.
bool glob_is_name (span_t glob);

//  As name_flaw.
const char *glob_flaw (span_t glob);

//  Redis's glob (*, ?, [abc], [^a-z], \x), bytewise. A glob that begins with a wildcard (* ? or [)
//  does not match a name that begins with '$'. Bounded work: no exponential backtracking.
bool glob_matches (span_t glob, span_t name);

//  Writes a client's word so that it can stand in an error and in a log: cut to 64 bytes at the end of
//  a character, with '?' for each control character and each byte that is not UTF-8. `to` holds
//  NAME_SHOWN_SIZE bytes; returns it.
enum { NAME_SHOWN_SIZE = 65 };
const char *name_shown (char *to, span_t name);

#endif
