//  printer - see printer.h.

#include "printer.h"
#include "zrb.h"

static const char letters[] = "citdhps%", escapes[] = "nt0\\";

int printer_init (printer_t *self, const args_t *args)
{
    *self = (printer_t){args_text (args, "format"), args_flag (args, "raw"), args_flag (args, "json")};
    if (self->is_raw + self->is_json + (self->format != NULL) > 1) {
        return zrb_complain (ZRB_USAGE, "takes one of --raw, --json and --format");
    }
    for (const char *at = self->format; at && *at; at++) {
        const char *known = *at == '%' ? letters : *at == '\\' ? escapes : NULL;
        if (known && (!at[1] || !strchr (known, at[1]))) {
            return zrb_complain (ZRB_USAGE,
                "--format: knows no \"%.2s\"; it knows %%c %%i %%t %%d %%h %%p %%s %%%% and "
                "\\n \\t \\0 \\\\",
                at);
        }
        at += known != NULL;
    }
    return 0;
}

static void s_print_headers (const envelope_t *envelope)
{
    if (envelope->headers.size) {
        cursor_t headers = cursor_of (envelope->headers);
        json_value (stdout, &headers);
    } else {
        fputs ("{}", stdout);
    }
}

static void s_print_item (char letter, span_t channel, const envelope_t *envelope)
{
    char time[TIME_SIZE];
    switch (letter) {
    case 'c':
        fwrite (channel.data, 1, channel.size, stdout);
        break;
    case 'i':
        printf ("%" PRIu64, envelope->id);
        break;
    case 't':
        printf ("%" PRIu64, envelope->time_ms);
        break;
    case 'd':
        fputs (time_text (time, envelope->time_ms), stdout);
        break;
    case 'h':
        s_print_headers (envelope);
        break;
    case 'p':
        fwrite (envelope->payload.data, 1, envelope->payload.size, stdout);
        break;
    case 's':
        printf ("%zu", envelope->payload.size);
        break;
    default:
        putchar (letter);
    }
}

static void s_print_format (const char *format, span_t channel, const envelope_t *envelope)
{
    for (; *format; format++) {
        if (*format == '%') {
            s_print_item (*++format, channel, envelope);
        } else if (*format == '\\') {
            format++;
            putchar (*format == 'n' ? '\n' : *format == 't' ? '\t' : *format == '0' ? '\0' : *format);
        } else {
            putchar (*format);
        }
    }
}

void printer_message (const printer_t *self, span_t channel, const envelope_t *envelope)
{
    if (self->is_json) {
        json_message (stdout, channel, envelope);
        fputs ("}\n", stdout);
    } else if (self->is_raw) {
        fwrite (envelope->payload.data, 1, envelope->payload.size, stdout);
        putchar ('\n');
    } else if (self->format) {
        s_print_format (self->format, channel, envelope);
    } else {
        print_shown (stdout, channel);
        printf (" %" PRIu64 " ", envelope->id);
        print_shown (stdout, envelope->payload);
        putchar ('\n');
    }
}

bool message_next (cursor_t *at, span_t *channel, envelope_t *envelope)
{
    cursor_t inner = *at;
    uint32_t count;
    span_t raw;
    return cursor_skip (at) && cursor_array (&inner, &count) && count >= 2 && cursor_bytes (&inner, channel) &&
           cursor_raw (&inner, &raw) && envelope_decode (envelope, raw.data, raw.size);
}

size_t printer_messages (const printer_t *self, answer_t *answer, size_t most)
{
    cursor_t at;
    uint32_t count;
    span_t channel;
    envelope_t envelope;
    if (!answer_value (answer, "messages", &at) || !cursor_array (&at, &count)) {
        return SIZE_MAX;
    }
    size_t printed = 0;
    for (; printed < count && printed < most; printed++) {
        if (!message_next (&at, &channel, &envelope)) {
            return SIZE_MAX;
        }
        printer_message (self, channel, &envelope);
    }
    return printed;
}

void print_gaps (answer_t *answer)
{
    cursor_t at, gap;
    uint32_t count, items;
    uint64_t first, last;
    span_t channel, why;
    if (!answer_value (answer, "gaps", &at) || !cursor_array (&at, &count)) {
        return;
    }
    for (; count > 0; count--) {
        gap = at;
        cursor_skip (&at);
        if (cursor_array (&gap, &items) && items >= 4 && cursor_bytes (&gap, &channel) && cursor_uint (&gap, &first) &&
            cursor_uint (&gap, &last) && cursor_str (&gap, &why)) {
            fprintf (stderr, "zrb: %.*s: no messages from %" PRIu64 " to %" PRIu64 ": %.*s\n", (int)channel.size,
                channel.data, first, last, (int)why.size, why.data);
        }
    }
}
