//  subscriber PUB ROUTER CHANNEL [LAST STORE]: each message of a channel once, in order, behind the id LAST of STORE.
//
//  It prints `ID SIZE PAYLOAD` for a message, `hole FIRST LAST WHY` for ids that have none, and `store STORE` when it
//  meets a store: what it printed last says where it goes on when it is started again. Yours keeps LAST and STORE
//  with its work. To build it: c++ -std=c++17 -o subscriber subscriber.cpp -lzmq

#include "ask.hpp"

constexpr int SILENCE_MS = 6000;  // a beat comes each second, or the connection has died

struct Subscriber {
    Bridge peer;
    const std::string channel;
    uint64_t last = 0, beat = 0;
    std::string store = {}, bridge = {};

    void work (const json &envelope)  // id, time_ms, headers, payload
    {
        const auto &payload = envelope[3].get_binary ();
        last = envelope[0];
        std::cout << last << ' ' << payload.size () << ' ';
        std::cout.write (reinterpret_cast<const char *> (payload.data ()), payload.size ()) << std::endl;
    }

    //  All that is stored above the last.
    void replay ()
    {
        for (bool more = true; more;) {
            const json reply = peer.ask ({{"op", "replay"}, {"channel", channel}, {"after", last}});
            for (const json &gap : reply["gaps"]) {
                std::cout << "hole " << gap[1] << ' ' << gap[2] << ' ' << gap[3].get<std::string> () << std::endl;
            }
            for (const json &message : reply["messages"]) {
                work (message[1]);
            }
            last = reply["next"];
            more = reply["more"];
        }
    }

    void on_beat (const json &headers, const json &heads)
    {
        if (headers["store"] != store) {
            last = store.empty () ? last : 0;  // other data
            store = headers["store"];
            std::cout << "store " << store << std::endl;
        }
        const bool is_new = headers["bridge"] != bridge || headers["seq"] > beat + 5;
        bridge = headers["bridge"];
        beat = headers["seq"];
        if (is_new || heads.value (channel, uint64_t (0)) > last) {
            replay ();
        }
    }

    void on_message (const json &envelope)
    {
        if (envelope[0] > last + 1) {
            replay ();
        }
        if (envelope[0] > last) {
            work (envelope);
        }
    }
};

static zmq::socket_t listen (zmq::context_t &context, const std::string &pub, const std::string &channel)
{
    zmq::socket_t sub (context, ZMQ_SUB);
    sub.set (zmq::sockopt::linger, 0);
    sub.set (zmq::sockopt::rcvtimeo, SILENCE_MS);
    sub.set (zmq::sockopt::subscribe, channel);
    sub.set (zmq::sockopt::subscribe, "$heads");
    sub.connect (pub);
    return sub;
}

int main (int argc, char **argv)
{
    if (argc != 4 && argc != 6) {
        std::cerr << "usage: subscriber PUB ROUTER CHANNEL [LAST STORE]\n";
        return 2;
    }
    zmq::context_t context;
    Subscriber subscriber{{context, argv[2]}, argv[3]};
    if (argc == 6) {
        subscriber.last = std::stoull (argv[4]);
        subscriber.store = argv[5];
    }
    for (zmq::socket_t sub = listen (context, argv[1], argv[3]);;) {
        zmq::message_t topic, frame;
        if (!sub.recv (topic) || !sub.recv (frame)) {
            sub = listen (context, argv[1], argv[3]);
            continue;
        }
        const json envelope = unpacked (frame);
        if (topic.to_string_view () == "$heads") {
            subscriber.on_beat (envelope[2], json::from_msgpack (envelope[3].get_binary ()));
        } else if (topic.to_string_view () == subscriber.channel && !subscriber.bridge.empty ()) {
            subscriber.on_message (envelope);  // a subscription is a prefix; the first beat replays
        }
    }
}
