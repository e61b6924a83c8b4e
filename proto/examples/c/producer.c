/*  producer push PULL CHANNEL: sends each line of its input as a message, and hears no more of it.
 *  producer publish ROUTER CHANNEL: the same, and prints the id of each when Redis has it.
 *
 *      cc -o producer producer.c -lzmq -lmsgpack-c     (Debian 12: -lmsgpackc)
 */

#include "ask.h"

#include <time.h>

int main (int argc, char **argv)
{
    if (argc != 4) {
        errx (2, "usage: producer push PULL CHANNEL | producer publish ROUTER CHANNEL");
    }
    const bool pushes = strcmp (argv[1], "push") == 0;
    const char *channel = argv[3];
    void *context = zmq_ctx_new ();
    peer_t bridge = connected (context, pushes ? ZMQ_PUSH : ZMQ_DEALER, argv[2]);
    char *line = NULL, msg_id[96];
    size_t room = 0;
    ssize_t size;
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    for (int number = 0; (size = getline (&line, &room, stdin)) > 0; number++) {
        size -= line[size - 1] == '\n';
        if (pushes) {
            zmq_send (bridge.socket, channel, strlen (channel), ZMQ_SNDMORE);
            zmq_send (bridge.socket, line, size, 0);
        } else { /* with a msg_id it is stored once, however often it is sent */
            snprintf (msg_id, sizeof msg_id, "%jd.%ld.%d-%d", (intmax_t)now.tv_sec, now.tv_nsec, getpid (), number);
            const msgpack_object *reply = ask (&bridge, 4, "ss ss sb s{1ss", "op", "publish", "channel", channel,
                "payload", line, (size_t)size, "headers", "msg_id", msg_id);
            printf ("%" PRIu64 "\n", value_of (reply, "ids")->via.array.ptr[0].via.u64);
            fflush (stdout);
        }
    }
    zmq_close (bridge.socket);
    zmq_ctx_term (context); /* when all is sent */
}
