//  names - walks through the names that may match a glob, a page of the index of channels at a time. In its
//  owner's thread.

#ifndef NAMES_H_INCLUDED
#define NAMES_H_INCLUDED

#include "call.h"

typedef struct {
    span_t glob;     //  borrowed
    char from[256];  //  where the next page begins, as ZRANGEBYLEX says it
    char to[256];
    bool done;  //  there is no further page
} names_t;

//  Begins at the first name that can match.
names_t names_of (span_t glob);

//  The command that asks for the next page. Borrows itself, channels_key, and `count`, of SPAN_NUMBER bytes.
enum { NAMES_WORDS = 7 };
void names_words (const names_t *self, const char *channels_key, char *count, span_t *words);

//  Asks for the next page. The reply goes to fn, with the call as arg: an array of names, in the order of their bytes.
//  fn calls names_next until it has no more.
void names_ask (names_t *self, call_t *call, link_reply_fn *fn);

//  The next name of the page that matches, *at from 0 on; size 0: there is none any more. Borrows the page.
span_t names_next (names_t *self, const redisReply *page, size_t *at);

#endif
