//  subscriber PUB ROUTER CHANNEL [LAST STORE]: each message of a channel once, in order, behind the id LAST of STORE.
//
//  It prints `ID SIZE PAYLOAD` for a message, `hole FIRST LAST WHY` for ids that have none, and `store STORE` when it
//  meets a store: what it printed last says where it goes on when it is started again. Yours keeps LAST and STORE
//  with its work. To build it: c++ -std=c++17 -o subscriber subscriber.cpp -lzmq

#include "ask.hpp"

using Objects = std::vector<msgpack::object>;

class Subscriber
{
  public:
    Subscriber (zmq::context_t &context, const std::string &pub, const std::string &router, const std::string &of,
        uint64_t behind, const std::string &from)
        : sub (context, ZMQ_SUB), peer (context, router), channel (of), last (behind), store (from)
    {
        sub.set (zmq::sockopt::subscribe, channel);
        sub.set (zmq::sockopt::subscribe, "$heads");
        sub.connect (pub);
    }

    //  Waits for what comes, and does what it asks for.
    void step ()
    {
        zmq::message_t topic, frame;
        (void)sub.recv (topic);
        (void)sub.recv (frame);
        const msgpack::object_handle handle = unpacked (frame);
        const Objects envelope = handle->as<Objects> ();  // id, time_ms, headers, payload
        if (topic.to_string_view () == "$heads") {
            const msgpack::object_handle heads = msgpack::unpack (envelope[3].via.bin.ptr, envelope[3].via.bin.size);
            on_beat (envelope[2].as<Map> (), heads->as<std::map<std::string, uint64_t>> ());
        } else if (topic.to_string_view () == channel && !bridge.empty ()) {  // the first beat replays
            if (envelope[0].as<uint64_t> () > last + 1) {
                replay ();
            }
            if (envelope[0].as<uint64_t> () > last) {
                work (envelope);
            }
        }
    }

  private:
    void work (const Objects &envelope)
    {
        last = envelope[0].as<uint64_t> ();
        std::cout << last << ' ' << envelope[3].via.bin.size << ' ';
        std::cout.write (envelope[3].via.bin.ptr, envelope[3].via.bin.size) << std::endl;
    }

    //  All that is stored above the last.
    void replay ()
    {
        for (bool more = true; more;) {
            msgpack::zone zone;
            const Reply reply = peer.ask (
                {{"op", value (zone, "replay")}, {"channel", value (zone, channel)}, {"after", value (zone, last)}});
            for (const Objects &gap : reply.get<std::vector<Objects>> ("gaps")) {
                std::cout << "hole " << gap[1].as<uint64_t> () << ' ' << gap[2].as<uint64_t> () << ' '
                          << gap[3].as<std::string> () << std::endl;
            }
            for (const Objects &message : reply.get<std::vector<Objects>> ("messages")) {
                work (message[1].as<Objects> ());
            }
            last = reply.get<uint64_t> ("next");
            more = reply.get<bool> ("more");
        }
    }

    void on_beat (const Map &headers, const std::map<std::string, uint64_t> &heads)
    {
        const std::string new_store = headers.at ("store").as<std::string> ();
        const std::string new_bridge = headers.at ("bridge").as<std::string> ();
        const uint64_t seq = headers.at ("seq").as<uint64_t> ();
        if (new_store != store) {
            last = store.empty () ? last : 0;  // other data
            std::cout << "store " << new_store << std::endl;
        }
        const bool is_new = new_bridge != bridge || seq > beat + 5;
        store = new_store;
        bridge = new_bridge;
        beat = seq;
        if (is_new || (heads.count (channel) > 0 && heads.at (channel) > last)) {
            replay ();
        }
    }

    zmq::socket_t sub;
    Bridge peer;
    const std::string channel;
    uint64_t last, beat = 0;
    std::string store, bridge;
};

int main (int argc, char **argv)
{
    if (argc != 4 && argc != 6) {
        std::cerr << "usage: subscriber PUB ROUTER CHANNEL [LAST STORE]\n";
        return 2;
    }
    zmq::context_t context;
    Subscriber subscriber (
        context, argv[1], argv[2], argv[3], argc == 6 ? std::stoull (argv[4]) : 0, argc == 6 ? argv[5] : "");
    for (;;) {
        subscriber.step ();
    }
}
