/*
 * bayeux.h - one Bayeux client over websocket or HTTP long-polling (spec: Bayeux 1.0, /meta/connect held).
 *
 * Life: client_start -> handshake -> first connect (answered at once) -> ready() -> a connect is always held.
 * Over long-polling a client has two connections, as a browser does: `poll` carries handshake and connects,
 * `command` everything else; what is published while a command is under way goes out together in one array.
 * Over websocket only `command` is used.  Each client has its own cookie jar.
 */
#ifndef BENCH_BAYEUX_H
#define BENCH_BAYEUX_H

#include "conn.h"

typedef enum { TRANSPORT_WS, TRANSPORT_LP } transport;

typedef struct client client;

typedef struct {
    void (*ready)(client *c);
    void (*event)(client *c, slice channel, slice data);
    void (*reply)(client *c, slice channel, bool successful); /* to subscribe, publish and disconnect */
    void (*lost)(client *c);                                  /* connection or session gone; already counted */
} client_events;

typedef enum { CLIENT_NEW, CLIENT_OPENING, CLIENT_READY, CLIENT_LEAVING, CLIENT_GONE } client_state;

struct client {
    conn command, poll;
    cookie_jar jar;
    char id[128];
    transport transport;
    client_state state;
    bool single_connect; /* churn: do not hold a connect after the first */
    unsigned next_id;
    buf pending; /* long-polling: messages for the next command request, joined by commas */
    const client_events *on;
    void *owner;
    size_t number;
};

/* Things that must not happen; each is counted where it is seen. */
typedef struct {
    uint64_t closed, http, protocol, refused; /* refused: a reply with successful:false */
} fault_counts;

extern fault_counts faults;

void client_init(client *c, const endpoint *to, transport kind, const client_events *on);
void client_start(client *c);
void client_subscribe(client *c, const char *channel);
void client_publish(client *c, const char *channel, slice data);
void client_disconnect(client *c);
void client_close(client *c);          /* drops the connections without a word */
void client_release_command(client *c); /* long-polling: closes the command connection while it is idle */

#endif
