//  limit - the numbers of PROTOCOL.md, each defined once. `info` tells them.

#ifndef LIMIT_H_INCLUDED
#define LIMIT_H_INCLUDED

enum {
    LIMIT_NAME_BYTES = 200,       //  channel, group, consumer
    LIMIT_HEADERS = 64,           //  entries of a message's header map
    LIMIT_HEADERS_BYTES = 16384,  //  its encoded size
    LIMIT_DEPTH = 16,             //  nesting of any msgpack from outside
    LIMIT_MSG_ID_BYTES = 128,
    LIMIT_REJECTED_MESSAGES = 10000,  //  retained in $rejected
    LIMIT_FRAME_EXTRA = 32768,        //  a frame may exceed max_message_bytes by this
    LIMIT_SUBSCRIPTION_BYTES = 1024,  //  of a topic
    LIMIT_PUBLISH_MESSAGES = 1000,    //  messages of one publish request
    LIMIT_REPLAY_MESSAGES = 100000,   //  `limit` of replay, `max` of peek, pending and dead
    LIMIT_REPLAY_CHANNELS = 1000,     //  of one replay
    LIMIT_REDRIVE_IDS = 10000,        //  of one redrive by ids
    LIMIT_TAKE_MESSAGES = 10000,      //  `max` of take
    LIMIT_TAKE_CHANNELS = 1000,       //  of one take, those that its globs match included
    LIMIT_SETTLE_ITEMS = 10000,       //  of one ack, nack, touch or bury
    LIMIT_LEASE_MS = 604800000,
    LIMIT_REASON_BYTES = 1024,  //  of nack and bury
    LIMIT_WAIT_MS = 3600000,
    LIMIT_SEQ_BYTES = 256  //  a request's seq, encoded
};

#endif
