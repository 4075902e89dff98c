/*
 * loadgen - load generator for the gateway: one thread, epoll, libc only.
 *
 *   gcc -O2 -o loadgen *.c && ./loadgen -u http://127.0.0.1:8080/genesys -w chat -t ws --pids 1234
 *
 * One JSON line on stdout per run, progress on stderr.  Exit code: 0 clean, 1 the server did something it must
 * not do (the line says what), 2 the run could not be made.  `./loadgen --help` lists the options.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "workload.h"

static const char USAGE[] =
    "usage: loadgen -w WORKLOAD [options]\n"
    "  -u, --url URL           base URL (http://127.0.0.1:8080/genesys)\n"
    "  -w, --workload NAME     send | chat | rooms | idle | churn | fanout | http | cores\n"
    "  -t, --transport T       ws | lp (ws)\n"
    "  -S, --service NAME      chat service (bench)\n"
    "  -n, --clients N         idle clients or subscribers (1000)\n"
    "  -m, --rooms N           chat, rooms: of two members (500)\n"
    "  -c, --connections N     send, churn, http (32)\n"
    "  -K, --outstanding N     fanout: messages that have not reached everybody (8)\n"
    "  -r, --rate R            chat, rooms: messages/s, open loop; without it a ramp\n"
    "  -d, --seconds S         measured window (5)      --warm S    before it (1)\n"
    "      --settle S          idle: rest before measuring (3)\n"
    "      --drain S           wait for what is still due (10)\n"
    "      --ramp-start R (500)  --ramp-factor F (1.5)  --stage S (3)  --confirm S (5)  --p99 MS (200)\n"
    "  -s, --text-size B       bytes of a text (100, at least 36, at most 4000)\n"
    "  -x, --with-chat         idle: each client has started a chat\n"
    "      --subscription NAME churn: channel (the chat service's)\n"
    "      --channel PREFIX    fanout, rooms: broadcast channel, the generator's pid is appended (/room/bench-)\n"
    "      --path P            http: path below the base URL (/cometd)\n"
    "      --body B            http: POST body, without it GET\n"
    "      --content-type T    http: of the body (application/json)\n"
    "      --pids A,B          server processes; their descendants are found\n"
    "      --parallel N        unfinished set-ups at a time (100)\n"
    "      --src-ips N         spread clients over 127.0.0.1..N (20; 0: no binding)\n"
    "      --label TEXT        copied to the answer\n"
    "      --max-seconds S     end the run whatever happens (600)\n";

enum {
    OPT_WARM = 256, OPT_SETTLE, OPT_DRAIN, OPT_RAMP_START, OPT_RAMP_FACTOR, OPT_STAGE, OPT_CONFIRM, OPT_P99,
    OPT_CHANNEL, OPT_PATH, OPT_BODY, OPT_CONTENT_TYPE, OPT_PIDS, OPT_PARALLEL, OPT_SRC_IPS, OPT_LABEL, OPT_MAX_SECONDS,
    OPT_SUBSCRIPTION,
};

static const struct option LONG_OPTIONS[] = {
    {"url", 1, NULL, 'u'}, {"workload", 1, NULL, 'w'}, {"transport", 1, NULL, 't'}, {"service", 1, NULL, 'S'},
    {"clients", 1, NULL, 'n'}, {"rooms", 1, NULL, 'm'}, {"connections", 1, NULL, 'c'}, {"outstanding", 1, NULL, 'K'},
    {"rate", 1, NULL, 'r'}, {"seconds", 1, NULL, 'd'}, {"text-size", 1, NULL, 's'}, {"with-chat", 0, NULL, 'x'},
    {"help", 0, NULL, 'h'}, {"warm", 1, NULL, OPT_WARM}, {"settle", 1, NULL, OPT_SETTLE}, {"drain", 1, NULL, OPT_DRAIN},
    {"ramp-start", 1, NULL, OPT_RAMP_START}, {"ramp-factor", 1, NULL, OPT_RAMP_FACTOR}, {"stage", 1, NULL, OPT_STAGE},
    {"confirm", 1, NULL, OPT_CONFIRM}, {"p99", 1, NULL, OPT_P99}, {"channel", 1, NULL, OPT_CHANNEL},
    {"path", 1, NULL, OPT_PATH}, {"body", 1, NULL, OPT_BODY}, {"content-type", 1, NULL, OPT_CONTENT_TYPE},
    {"pids", 1, NULL, OPT_PIDS}, {"parallel", 1, NULL, OPT_PARALLEL}, {"src-ips", 1, NULL, OPT_SRC_IPS},
    {"label", 1, NULL, OPT_LABEL}, {"subscription", 1, NULL, OPT_SUBSCRIPTION},
    {"max-seconds", 1, NULL, OPT_MAX_SECONDS}, {NULL, 0, NULL, 0},
};

typedef struct {
    const char *name;
    int (*run)(const options *o);
} workload;

static const workload WORKLOADS[] = {
    {"send", workload_send},   {"chat", workload_chat},     {"rooms", workload_rooms}, {"idle", workload_idle},
    {"churn", workload_churn}, {"fanout", workload_fanout}, {"http", workload_http},   {"cores", workload_cores},
};

static double positive(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (*end || !(value >= 0 && value < 1e9))
        die("not a number in range: %s", text);
    return value;
}

static size_t count_of(const char *text)
{
    double value = positive(text);
    if (value < 1)
        die("must be at least 1: %s", text);
    return (size_t)value;
}

static transport transport_of(const char *name)
{
    if (strcmp(name, "ws") != 0 && strcmp(name, "lp") != 0)
        die("transport must be ws or lp: %s", name);
    return strcmp(name, "ws") == 0 ? TRANSPORT_WS : TRANSPORT_LP;
}

static const workload *workload_of(const char *name)
{
    for (size_t i = 0; i < sizeof WORKLOADS / sizeof WORKLOADS[0]; i++)
        if (strcmp(WORKLOADS[i].name, name) == 0)
            return &WORKLOADS[i];
    die("unknown workload: %s", name);
}

static void set_option(options *o, int option, const char *value)
{
    switch (option) {
    case 'u': o->to = endpoint_parse(value); break;
    case 't': o->transport = transport_of(value); break;
    case 'S': o->service = value; break;
    case 'n': o->clients = count_of(value); break;
    case 'm': o->rooms = count_of(value); break;
    case 'c': o->connections = count_of(value); break;
    case 'K': o->outstanding = count_of(value); break;
    case 'r': o->rate = positive(value); break;
    case 'd': o->seconds = positive(value); break;
    case 's': o->text_size = count_of(value); break;
    case 'x': o->with_chat = true; break;
    case OPT_WARM: o->warm = positive(value); break;
    case OPT_SETTLE: o->settle = positive(value); break;
    case OPT_DRAIN: o->drain = positive(value); break;
    case OPT_RAMP_START: o->ramp_start = positive(value); break;
    case OPT_RAMP_FACTOR: o->ramp_factor = positive(value); break;
    case OPT_STAGE: o->stage = positive(value); break;
    case OPT_CONFIRM: o->confirm = positive(value); break;
    case OPT_P99: o->p99_ms = positive(value); break;
    case OPT_CHANNEL: o->channel = value; break;
    case OPT_SUBSCRIPTION: o->subscription = value; break;
    case OPT_PATH: o->path = value; break;
    case OPT_BODY: o->body = value; break;
    case OPT_CONTENT_TYPE: o->content_type = value; break;
    case OPT_PIDS: o->pids = value; break;
    case OPT_PARALLEL: o->parallel = count_of(value); break;
    case OPT_SRC_IPS: o->source_addresses = (size_t)positive(value); break;
    case OPT_LABEL: o->label = value; break;
    case OPT_MAX_SECONDS: alarm((unsigned)count_of(value)); break;
    default: fputs(USAGE, stderr); exit(option == 'h' ? 0 : 2);
    }
}

static void check_options(const options *o)
{
    if (o->text_size < MARKER_LEN || o->text_size > 4000)
        die("--text-size must be %d to 4000", MARKER_LEN);
    if (o->ramp_start <= 0 || o->ramp_factor <= 1)
        die("--ramp-start must be above 0 and --ramp-factor above 1");
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void on_alarm(int signal)
{
    (void)signal;
    static const char text[] = "loadgen: --max-seconds reached, giving up\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(2);
}

int main(int argc, char **argv)
{
    options o = {
        .to = endpoint_parse("http://127.0.0.1:8080/genesys"), .service = "bench", .pids = "", .label = "", .subscription = "",
        .channel = "/room/bench-", .path = "/cometd", .content_type = "application/json",
        .clients = 1000, .rooms = 500, .connections = 32, .outstanding = 8, .text_size = 100, .parallel = 100,
        .source_addresses = 20, .seconds = 5, .warm = 1, .settle = 3, .drain = 10, .ramp_start = 500,
        .ramp_factor = 1.5, .stage = 3, .confirm = 5, .p99_ms = 200,
    };
    const workload *chosen = NULL;
    signal(SIGALRM, on_alarm);
    alarm(600);
    for (int option; (option = getopt_long(argc, argv, "u:w:t:S:n:m:c:K:r:d:s:xh", LONG_OPTIONS, NULL)) != -1;) {
        if (option == 'w')
            chosen = workload_of(optarg);
        else
            set_option(&o, option, optarg);
    }
    if (!chosen || optind < argc)
        set_option(&o, '?', NULL);
    check_options(&o);
    raise_file_limit();
    loop_start();
    report_text("workload", chosen->name);
    report_text("transport", o.transport == TRANSPORT_WS ? "ws" : "lp");
    report_text("label", o.label);
    return chosen->run(&o);
}
