//  jetstream - NATS JetStream with file storage: asynchronous publishes, and on a connection of its own a consumer.
//
//  publish  publish alone, 256 in flight; ends when all are acknowledged
//  ordered  publish, ordered consumer
//  pull     publish, pull consumer of 100 a fetch, each message acked

#include "peer.h"
#include <nats/nats.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { PUBLISH_IN_FLIGHT = 256, STALL_MS = PEER_PATIENCE_S * 1000 };

static const char *const subject = "bench";
static atomic_int refused;

typedef struct {
    natsConnection *connection;
    jsCtx *stream;
} session_t;

static void s_want (natsStatus status, const char *what)
{
    if (status != NATS_OK) {
        peer_die ("%s: %s", what, natsStatus_GetText (status));
    }
}

static void s_on_refusal (jsCtx *stream, jsPubAckErr *error, void *closure)
{
    (void)stream, (void)error, (void)closure;
    atomic_fetch_add (&refused, 1);
}

static session_t s_begin (const peer_t *peer, int64_t in_flight)
{
    session_t self = {NULL, NULL};
    natsOptions *options = NULL;
    jsOptions js_options;
    s_want (natsOptions_Create (&options), "options");
    s_want (natsOptions_SetURL (options, peer->address), "address");
    s_want (natsConnection_Connect (&self.connection, options), "connect");
    natsOptions_Destroy (options);
    jsOptions_Init (&js_options);
    js_options.PublishAsync.MaxPending = in_flight;
    js_options.PublishAsync.StallWait = STALL_MS;
    js_options.PublishAsync.ErrHandler = s_on_refusal;
    s_want (natsConnection_JetStream (&self.stream, self.connection, &js_options), "JetStream");
    return self;
}

static void s_end (session_t *self)
{
    jsCtx_Destroy (self->stream);
    natsConnection_Destroy (self->connection);
}

static void s_add_stream (const session_t *self)
{
    jsStreamConfig config;
    jsStreamConfig_Init (&config);
    config.Name = "bench";
    config.Subjects = (const char *[]){subject};
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    s_want (js_AddStream (NULL, self->stream, &config, NULL, NULL), "stream");
}

static void s_publish_all (const peer_t *peer, int64_t in_flight)
{
    session_t session = s_begin (peer, in_flight);
    uint8_t *payload = peer_payload ();
    for (uint64_t number = 0; number < peer->count; number++) {
        peer_stamp (payload, number);
        s_want (js_PublishAsync (session.stream, subject, payload, PEER_PAYLOAD_BYTES, NULL), "publish");
    }
    s_want (js_PublishAsyncComplete (session.stream, NULL), "publish");
    if (atomic_load (&refused)) {
        peer_die ("%d publishes were refused", atomic_load (&refused));
    }
    free (payload);
    s_end (&session);
}

static void *s_produce (void *argument)
{
    s_publish_all (argument, PEER_IN_FLIGHT);
    return NULL;
}

static void s_check (const natsMsg *message, uint64_t number)
{
    if (natsMsg_GetDataLength (message) != PEER_PAYLOAD_BYTES ||
        memcmp (natsMsg_GetData (message), &number, PEER_NUMBER_BYTES) != 0) {
        peer_die ("message %llu is missing", (unsigned long long)number);
    }
}

static void s_consume_ordered (const peer_t *peer, natsSubscription *consumer)
{
    for (uint64_t number = 0; number < peer->count; number++) {
        natsMsg *message = NULL;
        s_want (natsSubscription_NextMsg (&message, consumer, STALL_MS), "next");
        s_check (message, number);
        natsMsg_Destroy (message);
    }
}

static void s_consume_pull (const peer_t *peer, natsSubscription *consumer)
{
    for (uint64_t number = 0; number < peer->count;) {
        natsMsgList list = {NULL, 0};
        s_want (natsSubscription_Fetch (&list, consumer, PEER_BATCH, STALL_MS, NULL), "fetch");
        for (int at = 0; at < list.Count; at++, number++) {
            s_check (list.Msgs[at], number);
            s_want (natsMsg_Ack (list.Msgs[at], NULL), "ack");
        }
        natsMsgList_Destroy (&list);
    }
}

static natsSubscription *s_subscribe (const peer_t *peer, const session_t *session)
{
    natsSubscription *consumer = NULL;
    jsSubOptions options;
    jsSubOptions_Init (&options);
    if (peer_does (peer, "ordered")) {
        options.Ordered = true;
        s_want (js_SubscribeSync (&consumer, session->stream, subject, NULL, &options, NULL), "ordered consumer");
    } else {
        options.Config.AckPolicy = js_AckExplicit;
        options.Config.MaxAckPending = PEER_IN_FLIGHT;
        s_want (js_PullSubscribe (&consumer, session->stream, subject, "bench", NULL, &options, NULL), "pull consumer");
    }
    s_want (natsSubscription_SetPendingLimits (consumer, -1, -1), "limits");
    return consumer;
}

static void s_stream (const peer_t *peer, const session_t *session)
{
    natsSubscription *consumer = s_subscribe (peer, session);
    uint64_t start_ns = peer_now_ns ();
    pthread_t producer = peer_start (s_produce, (void *)peer);
    if (peer_does (peer, "ordered")) {
        s_consume_ordered (peer, consumer);
    } else {
        s_consume_pull (peer, consumer);
        s_want (natsConnection_FlushTimeout (session->connection, STALL_MS), "acks");
    }
    peer_tell_rate (peer, start_ns);
    pthread_join (producer, NULL);
    natsSubscription_Destroy (consumer);
}

int main (int argc, char *argv[])
{
    peer_t peer = peer_new (argc, argv, 1, (const char *const[]){"publish", "ordered", "pull", NULL});
    session_t session = s_begin (&peer, PEER_IN_FLIGHT);
    s_add_stream (&session);
    if (peer_does (&peer, "publish")) {
        uint64_t start_ns = peer_now_ns ();
        s_publish_all (&peer, PUBLISH_IN_FLIGHT);
        peer_tell_rate (&peer, start_ns);
    } else {
        s_stream (&peer, &session);
    }
    s_end (&session);
    nats_Close ();
    return EXIT_SUCCESS;
}
