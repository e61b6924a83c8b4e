/*  producer push PULL CHANNEL: sends each line of its input as a message, and hears no more of it.
 *  producer publish ROUTER CHANNEL: the same, and prints the id of each when Redis has it.
 *
 *      cc -o producer producer.c -lzmq -lmsgpack-c     (Debian 12: -lmsgpackc)
 */

#include "ask.h"

#include <time.h>

/*  With a msg_id it is stored once, however often it is sent. */
static uint64_t publish (void *dealer, const char *channel, const char *payload, size_t size, const char *msg_id)
{
    request_t request;
    frame_t frame;
    msgpack_packer *packer = begin (&request, "publish", channel, 2);
    pack_text (packer, "payload");
    msgpack_pack_bin_with_body (packer, payload, size);
    pack_text (packer, "headers");
    msgpack_pack_map (packer, 1);
    pack_text (packer, "msg_id");
    pack_text (packer, msg_id);
    const uint64_t id = value_of (ask (dealer, &request, &frame), "ids")->via.array.ptr[0].via.u64;
    release (&frame);
    return id;
}

int main (int argc, char **argv)
{
    if (argc != 4) {
        fprintf (stderr, "usage: producer push PULL CHANNEL | producer publish ROUTER CHANNEL\n");
        return 2;
    }
    const bool pushes = strcmp (argv[1], "push") == 0;
    void *context = zmq_ctx_new (), *socket = connected (context, pushes ? ZMQ_PUSH : ZMQ_DEALER, argv[2]);
    char *line = NULL, msg_id[96];
    size_t room = 0;
    ssize_t size;
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    for (int number = 0; (size = getline (&line, &room, stdin)) > 0; number++) {
        size -= line[size - 1] == '\n';
        if (pushes) {
            zmq_send (socket, argv[3], strlen (argv[3]), ZMQ_SNDMORE);
            zmq_send (socket, line, size, 0);
        } else {
            snprintf (msg_id, sizeof msg_id, "%jd.%ld.%d-%d", (intmax_t)now.tv_sec, now.tv_nsec, getpid (), number);
            printf ("%" PRIu64 "\n", publish (socket, argv[3], line, size, msg_id));
            fflush (stdout);
        }
    }
    free (line);
    zmq_close (socket);
    zmq_ctx_term (context); /* when all is sent */
}
