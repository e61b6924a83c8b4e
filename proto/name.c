//  name - the rules for names and Redis's globs over them. Owns nothing, keeps no state; any thread.
//
//  It runs once for each message, so ASCII names take one pass over a table of classes.

#include <stdint.h>
#include "limit.h"
#include "name.h"

_Static_assert(LIMIT_NAME_BYTES == 200, "the texts below say so");

enum {
    CLASS_BLANK = 1,  //  control characters and spaces: in no name and no glob
    CLASS_GLOB = 2,   //  *?[]{}\: in no name
    CLASS_WIDE = 4    //  a byte of a character beyond ASCII
};

static const uint8_t s_classes[256] = {
    [0x00 ... 0x20] = CLASS_BLANK,
    ['*'] = CLASS_GLOB,
    ['?'] = CLASS_GLOB,
    ['['] = CLASS_GLOB,
    ['\\'] = CLASS_GLOB,
    [']'] = CLASS_GLOB,
    ['{'] = CLASS_GLOB,
    ['}'] = CLASS_GLOB,
    [0x7f] = CLASS_BLANK,
    [0x80 ... 0xff] = CLASS_WIDE,
};

//  Unicode's white space beyond ASCII (property White_Space) and the control characters U+0080-U+009F.
static bool s_is_wide_blank (uint32_t point)
{
    return (point >= 0x80 && point <= 0xa0) || point == 0x1680 || (point >= 0x2000 && point <= 0x200a) ||
           point == 0x2028 || point == 0x2029 || point == 0x202f || point == 0x205f || point == 0x3000;
}

//  Decodes the first character of text. Returns its bytes, 0 when it is not UTF-8 as RFC 3629 has it:
//  no overlong forms, no surrogates, nothing above U+10FFFF.
static size_t s_character (span_t text, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *bytes = (const uint8_t *)text.data;
    uint8_t first = bytes[0];
    if (first < 0x80) {
        *point = first;
        return 1;
    }
    size_t size = first >= 0xf8 ? 0 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    if (size == 0 || size > text.size) {
        return 0;
    }
    *point = first & (0x7f >> size);
    for (size_t at = 1; at < size; at++) {
        if ((bytes[at] & 0xc0) != 0x80) {
            return 0;
        }
        *point = *point << 6 | (bytes[at] & 0x3f);
    }
    bool surrogate = *point >= 0xd800 && *point <= 0xdfff;
    return *point < least[size] || *point > 0x10ffff || surrogate ? 0 : size;
}

//  Reads text as UTF-8 and adds CLASS_BLANK to the classes when a wide blank is in it.
static bool s_is_utf8 (span_t text, unsigned *classes)
{
    while (text.size > 0) {
        uint32_t point;
        size_t size = s_character (text, &point);
        if (size == 0) {
            return false;
        }
        *classes |= s_is_wide_blank (point) ? CLASS_BLANK : 0;
        text = span_of (text.data + size, text.size - size);
    }
    return true;
}

//  The flaw of a text in which characters of the `barred` classes must not be.
static const char *s_flaw (span_t text, unsigned barred, const char *barred_flaw)
{
    if (text.size == 0) {
        return "empty";
    }
    if (text.size > LIMIT_NAME_BYTES) {
        return "longer than 200 bytes";
    }
    unsigned classes = 0;
    for (size_t at = 0; at < text.size; at++) {
        classes |= s_classes[(uint8_t)text.data[at]];
    }
    if ((classes & CLASS_WIDE) && !s_is_utf8 (text, &classes)) {
        return "not UTF-8";
    }
    return (classes & barred) ? barred_flaw : NULL;
}

const char *name_flaw (span_t name)
{
    return s_flaw (name, CLASS_BLANK | CLASS_GLOB, "has a control character, a space or one of *?[]{}\\");
}

bool name_is_valid (span_t name)
{
    return !name_flaw (name);
}

bool name_is_text (span_t name)
{
    return !s_flaw (name, 0, NULL);
}

bool text_is_utf8 (span_t text)
{
    unsigned classes = 0;
    return s_is_utf8 (text, &classes);
}

bool name_is_reserved (span_t name)
{
    return name.size > 0 && name.data[0] == '$';
}

bool glob_is_name (span_t glob)
{
    for (size_t at = 0; at < glob.size; at++) {
        if (strchr ("*?[\\", glob.data[at]) && glob.data[at]) {
            return false;
        }
    }
    return true;
}

const char *glob_flaw (span_t glob)
{
    return s_flaw (glob, CLASS_BLANK, "has a control character or a space");
}

bool glob_is_valid (span_t glob)
{
    return !glob_flaw (glob);
}

//  Tells if the set whose '[' stands at `at` has the byte, and moves `at` past the set. As in Redis: '^' first
//  negates, '\' takes the next byte as it is, a range's ends may stand in either order, and a set that is
//  never closed ends with the glob.
static bool s_set_has (span_t glob, size_t *at, uint8_t byte)
{
    const uint8_t *bytes = (const uint8_t *)glob.data;
    size_t here = *at + 1;
    bool negated = here < glob.size && bytes[here] == '^';
    bool found = false;
    here += negated;
    while (here < glob.size && bytes[here] != ']') {
        size_t rest = glob.size - here;
        if (bytes[here] == '\\' && rest >= 2) {
            found |= bytes[here + 1] == byte;
            here += 2;
        } else if (rest >= 3 && bytes[here + 1] == '-') {
            uint8_t low = bytes[here] < bytes[here + 2] ? bytes[here] : bytes[here + 2];
            uint8_t high = bytes[here] < bytes[here + 2] ? bytes[here + 2] : bytes[here];
            found |= byte >= low && byte <= high;
            here += 3;
        } else {
            found |= bytes[here] == byte;
            here++;
        }
    }
    *at = here < glob.size ? here + 1 : here;
    return found != negated;
}

//  Tells if what stands at `at`, anything but a '*', matches the byte, and moves `at` past it.
static bool s_matches_byte (span_t glob, size_t *at, uint8_t byte)
{
    if (glob.data[*at] == '[') {
        return s_set_has (glob, at, byte);
    }
    if (glob.data[*at] == '?') {
        ++*at;
        return true;
    }
    if (glob.data[*at] == '\\' && *at + 1 < glob.size) {
        ++*at;
    }
    return (uint8_t)glob.data[(*at)++] == byte;
}

bool glob_matches (span_t glob, span_t name)
{
    if (name_is_reserved (name) && glob.size > 0 && strchr ("*?[", glob.data[0])) {
        return false;
    }
    size_t at = 0;
    size_t byte = 0;
    //  Only the last '*' met is ever tried again, one byte further: what stands before it matched as early
    //  as it could. So the work is at most glob.size x name.size.
    bool starred = false;
    size_t after_star = 0;
    size_t retry = 0;
    while (byte < name.size || at < glob.size) {
        if (at < glob.size && glob.data[at] == '*') {
            starred = true;
            after_star = ++at;
            retry = byte;
        } else if (byte < name.size && at < glob.size && s_matches_byte (glob, &at, (uint8_t)name.data[byte])) {
            byte++;
        } else if (starred && retry < name.size) {
            at = after_star;
            byte = ++retry;
        } else {
            return false;
        }
    }
    return true;
}

const char *name_shown (char *to, span_t name)
{
    size_t size = 0;
    while (name.size > 0) {
        uint32_t point;
        size_t taken = s_character (name, &point);
        bool shown = taken > 0 && point >= 0x20 && (point < 0x7f || point > 0x9f);
        size_t written = shown ? taken : 1;
        if (size + written >= NAME_SHOWN_SIZE) {
            break;
        }
        if (shown) {
            memcpy (to + size, name.data, taken);
        } else {
            to[size] = '?';
        }
        size += written;
        taken = taken ? taken : 1;
        name = span_of (name.data + taken, name.size - taken);
    }
    to[size] = 0;
    return to;
}
