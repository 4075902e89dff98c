/*
 * cores.c - the cache-line round trip between the two processors that server and generator are pinned to.
 *
 * On shared machines it changes by a factor of five from minute to minute, and every figure with it: compare only
 * runs whose round trips are alike.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

enum { ROUNDS = 200000 };
static const double LIMIT_SECONDS = 5; /* both sides give up then: a busy processor may not answer */

typedef struct {
    _Atomic uint32_t ball; /* odd: the child's turn */
} court;

static void pin(int processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    sched_setaffinity(0, sizeof set, &set); /* on failure (one processor) the figure is just slow */
}

/* Plays until the last round or the deadline; returns the rounds played. */
static uint32_t play(court *c, uint32_t parity, uint64_t deadline)
{
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t mine = round * 2 + parity;
        for (uint32_t spins = 1; atomic_load_explicit(&c->ball, memory_order_acquire) != mine; spins++)
            if (spins % 4096 == 0 && now_ns() > deadline)
                return round;
        atomic_store_explicit(&c->ball, mine + 1, memory_order_release);
    }
    return ROUNDS;
}

int workload_cores(const options *o)
{
    (void)o;
    court *c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c == MAP_FAILED)
        die("mmap failed");
    uint64_t deadline = after_seconds(LIMIT_SECONDS);
    pid_t child = fork();
    if (child < 0)
        die("fork failed");
    pin(child ? 0 : 1);
    if (child == 0) {
        play(c, 1, deadline);
        _exit(0);
    }
    uint64_t start = now_ns();
    uint32_t rounds = play(c, 0, deadline); /* starting the child is in it: a few ns of the mean */
    report_number("round_trip_ns", (double)(now_ns() - start) / (double)(rounds ? rounds : 1));
    waitpid(child, NULL, 0);
    report_print();
    return 0;
}
