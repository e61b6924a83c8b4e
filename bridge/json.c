//  json - writes a text as a JSON string. Any thread; keeps nothing.

#include "json.h"
#include "name.h"

//  The bytes of the first character; 0: it is no UTF-8.
static size_t s_character (span_t text)
{
    for (size_t size = 1; size <= 4 && size <= text.size; size++) {
        if (text_is_utf8 (span_of (text.data, size))) {
            return size;
        }
    }
    return 0;
}

size_t json_string (char *to, span_t text)
{
    size_t used = 0;
    to[used++] = '"';
    while (text.size > 0) {
        unsigned char first = (unsigned char)text.data[0];
        size_t size = first < 0x80 ? 1 : s_character (text);
        if (first == '"' || first == '\\') {
            to[used++] = '\\';
        }
        if (size == 0 || first < 0x20 || first == 0x7f) {
            to[used++] = '?';
            size = 1;
        } else {
            memcpy (to + used, text.data, size);
            used += size;
        }
        text = span_of (text.data + size, text.size - size);
    }
    to[used++] = '"';
    return used;
}
