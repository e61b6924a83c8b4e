//  names - walks through the index of channels. In its owner's thread.

#include "name.h"
#include "names.h"

enum { PAGE = 1000 };

names_t names_of (span_t glob)
{
    size_t size = 0;
    while (size < glob.size && !strchr ("*?[\\", glob.data[size])) {
        size++;
    }
    names_t self = {.glob = glob, .from = "-", .to = "+"};
    if (size > 0) {
        //  All names that begin so stand before the same bytes with the last one raised. UTF-8 has no byte 0xff.
        snprintf (self.from, sizeof self.from, "[%.*s", (int)size, glob.data);
        snprintf (self.to, sizeof self.to, "(%.*s%c", (int)size - 1, glob.data, glob.data[size - 1] + 1);
    }
    return self;
}

void names_words (const names_t *self, const char *channels_key, char *count, span_t *words)
{
    const span_t all[NAMES_WORDS] = {span_text ("ZRANGEBYLEX"), span_text (channels_key), span_text (self->from),
        span_text (self->to), span_text ("LIMIT"), span_text ("0"), span_number (count, PAGE)};
    memcpy (words, all, sizeof all);
}

void names_ask (names_t *self, call_t *call, link_reply_fn *fn)
{
    char count[SPAN_NUMBER];
    span_t words[NAMES_WORDS];
    names_words (self, call->desk->channels_key, count, words);
    call_command (call, fn, NAMES_WORDS, words);
}

span_t names_next (names_t *self, const redisReply *page, size_t *at)
{
    while (*at < page->elements) {
        const redisReply *item = page->element[(*at)++];
        span_t name = span_of (item->str, item->len);
        if (glob_matches (self->glob, name)) {
            return name;
        }
    }
    self->done = page->elements < PAGE;
    if (!self->done) {
        snprintf (self->from, sizeof self->from, "(%s", page->element[page->elements - 1]->str);
    }
    return span_of (NULL, 0);
}
