//  json - writes a text as a JSON string. Holds nothing; allocates nothing.

#ifndef JSON_H_INCLUDED
#define JSON_H_INCLUDED

#include "span.h"

//  What a text of that size needs at most, in bytes, its quotes included.
#define JSON_BYTES(size) (2 * (size) + 2)

//  Writes the string in quotes, JSON_BYTES at most and no 0 behind it. Control characters and what is no UTF-8 become
//  '?'. Returns its size.
size_t json_string (char *to, span_t text);

#endif
