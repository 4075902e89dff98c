#define _GNU_SOURCE
#include "bayeux.h"

#include <string.h>

#include "json.h"

fault_counts faults;

static const char BAYEUX_PATH[] = "/cometd";
static const char JSON_TYPE[] = "application/json;charset=UTF-8";

static void on_opened(conn *k);
static void on_message(conn *k, int http_status, slice body);
static void on_closed(conn *k, const char *why);

static const conn_events CONNECTION_EVENTS = {on_opened, on_message, on_closed};

void client_init(client *c, const endpoint *to, transport kind, const client_events *on)
{
    c->transport = kind;
    c->on = on;
    c->state = CLIENT_NEW;
    conn_init(&c->command, to, &c->jar, &CONNECTION_EVENTS, c);
    conn_init(&c->poll, to, &c->jar, &CONNECTION_EVENTS, c);
}

/* ------------------------------------------------------------------ sending */

static const char *connection_type(const client *c)
{
    return c->transport == TRANSPORT_WS ? "websocket" : "long-polling";
}

/* Sends one meta message alone in its array, over long-polling on the poll connection with its own path. */
static void send_meta(client *c, const char *path, const buf *message)
{
    slice text = {message->p, message->len};
    if (c->transport == TRANSPORT_WS)
        conn_send_text(&c->command, text);
    else
        conn_request(&c->poll, path, JSON_TYPE, text);
}

static void send_handshake(client *c)
{
    buf b = {0};
    buf_format(&b,
               "[{\"id\":\"%u\",\"channel\":\"/meta/handshake\",\"version\":\"1.0\",\"minimumVersion\":\"1.0\","
               "\"supportedConnectionTypes\":[\"%s\"]}]",
               ++c->next_id, connection_type(c));
    send_meta(c, "/cometd/handshake", &b);
    buf_free(&b);
}

static void send_connect(client *c)
{
    buf b = {0};
    buf_format(&b, "[{\"id\":\"%u\",\"channel\":\"/meta/connect\",\"connectionType\":\"%s\",\"clientId\":\"%s\"%s}]",
               ++c->next_id, connection_type(c), c->id,
               c->state == CLIENT_OPENING ? ",\"advice\":{\"timeout\":0}" : "");
    send_meta(c, "/cometd/connect", &b);
    buf_free(&b);
}

static void flush_pending(client *c)
{
    if (!c->pending.len || c->command.busy)
        return;
    buf b = {0};
    buf_text(&b, "[");
    buf_add(&b, c->pending.p, c->pending.len);
    buf_text(&b, "]");
    c->pending.len = 0;
    conn_request(&c->command, BAYEUX_PATH, JSON_TYPE, (slice){b.p, b.len});
    buf_free(&b);
}

/* Sends `,"rest"` completed by id, channel and clientId: at once over websocket, else with the next command. */
static void send_command(client *c, const char *channel, slice rest)
{
    bool websocket = c->transport == TRANSPORT_WS;
    buf single = {0};
    buf *b = websocket ? &single : &c->pending;
    buf_text(b, websocket ? "[" : b->len ? "," : "");
    buf_format(b, "{\"id\":\"%u\",\"channel\":\"%s\",\"clientId\":\"%s\"%.*s}", ++c->next_id, channel, c->id,
               (int)rest.len, rest.p);
    if (websocket) {
        buf_text(b, "]");
        conn_send_text(&c->command, (slice){b->p, b->len});
        buf_free(&single);
    } else {
        flush_pending(c);
    }
}

void client_subscribe(client *c, const char *channel)
{
    buf rest = {0};
    buf_format(&rest, ",\"subscription\":\"%s\"", channel);
    send_command(c, "/meta/subscribe", (slice){rest.p, rest.len});
    buf_free(&rest);
}

void client_publish(client *c, const char *channel, slice data)
{
    buf rest = {0};
    buf_text(&rest, ",\"data\":");
    buf_add(&rest, data.p, data.len);
    send_command(c, channel, (slice){rest.p, rest.len});
    buf_free(&rest);
}

void client_disconnect(client *c)
{
    c->state = CLIENT_LEAVING;
    send_command(c, "/meta/disconnect", text_slice(""));
}

void client_start(client *c)
{
    c->state = CLIENT_OPENING;
    c->poll.source_address = c->command.source_address;
    if (c->transport == TRANSPORT_WS)
        conn_open_websocket(&c->command, BAYEUX_PATH);
    else
        send_handshake(c);
}

void client_close(client *c)
{
    c->state = CLIENT_GONE;
    c->pending.len = 0;
    conn_close(&c->command);
    conn_close(&c->poll);
}

void client_release_command(client *c)
{
    if (c->transport == TRANSPORT_LP && !c->command.busy)
        conn_close(&c->command);
}

/* ------------------------------------------------------------------ receiving */

typedef struct {
    slice channel, data, successful, client_id;
} incoming;

static incoming read_incoming(slice object)
{
    incoming m = {0};
    slice key, value;
    if (!json_enter(&object, '{'))
        return m;
    while (json_member(&object, &key, &value)) {
        if (slice_is(key, "channel"))
            m.channel = value;
        else if (slice_is(key, "data"))
            m.data = value;
        else if (slice_is(key, "successful"))
            m.successful = value;
        else if (slice_is(key, "clientId"))
            m.client_id = value;
    }
    return m;
}

static void lose(client *c, uint64_t *counter)
{
    ++*counter;
    client_close(c);
    if (c->on->lost)
        c->on->lost(c);
}

static void on_handshake(client *c, const incoming *m)
{
    if (!json_is_true(m->successful) || !m->client_id.len || !slice_copy(m->client_id, c->id, sizeof c->id))
        lose(c, &faults.refused);
    else
        send_connect(c);
}

static void on_connect(client *c, const incoming *m)
{
    if (c->state == CLIENT_LEAVING)
        return;
    if (!json_is_true(m->successful)) {
        lose(c, &faults.refused);
        return;
    }
    bool first = c->state == CLIENT_OPENING;
    c->state = CLIENT_READY;
    if (!first || !c->single_connect)
        send_connect(c);
    if (first)
        c->on->ready(c);
}

static void on_reply(client *c, const incoming *m)
{
    bool successful = json_is_true(m->successful);
    if (!successful)
        faults.refused++;
    if (c->on->reply)
        c->on->reply(c, m->channel, successful);
}

static void dispatch(client *c, const incoming *m)
{
    if (!m->channel.len)
        faults.protocol++;
    else if (slice_is(m->channel, "/meta/connect"))
        on_connect(c, m);
    else if (slice_is(m->channel, "/meta/handshake"))
        on_handshake(c, m);
    else if (m->data.p && c->on->event)
        c->on->event(c, m->channel, m->data);
    else if (!m->data.p)
        on_reply(c, m);
}

static void on_opened(conn *k) { send_handshake(k->owner); }

static void on_message(conn *k, int http_status, slice body)
{
    client *c = k->owner;
    slice object;
    if (c->transport == TRANSPORT_LP && http_status != 200) {
        lose(c, &faults.http);
        return;
    }
    if (!json_enter(&body, '['))
        faults.protocol++;
    unsigned epoch = k->epoch;
    while (k->epoch == epoch && json_item(&body, &object)) {
        incoming m = read_incoming(object);
        dispatch(c, &m);
    }
    if (c->transport == TRANSPORT_LP && k == &c->command && c->state != CLIENT_GONE)
        flush_pending(c);
}

static void on_closed(conn *k, const char *why)
{
    (void)why;
    client *c = k->owner;
    if (c->state != CLIENT_GONE)
        lose(c, &faults.closed);
}
