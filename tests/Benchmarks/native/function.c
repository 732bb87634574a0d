// function PORT [MAX_MS]: a function that costs next to nothing. One thread answers every HTTP/1.1 request with 200 and two bytes.
// A request with X-Sent (a caller's CLOCK_MONOTONIC, in ns) is timed from there to here. GET /_stats tells what was seen since POST /_reset.
// With MAX_MS a body is "KEY ORDINAL", two numbers, the ordinals of a key from 0 on: the answer takes (KEY + ORDINAL) % (MAX_MS + 1) ms, and what comes
// out of its key's order is counted.
#define _GNU_SOURCE
#include "latency.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { ROOM = 256 * 1024, CONNECTIONS = 4096, KEYS = 1024 };

typedef struct {
    size_t length;
    uint64_t due; // when its answer is; 0 for none that waits
    char bytes[ROOM + 1];
} connection;

static connection *connections[CONNECTIONS];
static latencies starts;
static uint64_t runs, first_run, last_run, astray, next_of[KEYS];
static unsigned long max_ms;
static int delays, timer, highest;

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

static void put(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes += sent;
        length -= (size_t)sent;
    }
}

// Notes whether it came in its turn; returns for how many ms its answer waits.
static unsigned long wait_of(const char *head) {
    char *body = strstr(head, "\r\n\r\n") + 4, *after;
    char *chunked = strcasestr(head, "\r\nTransfer-Encoding: chunked");
    if (chunked && chunked < body) body = strstr(body, "\r\n") + 2;
    unsigned long key = strtoul(body, &after, 10), ordinal = strtoul(after, NULL, 10);
    if (next_of[key % KEYS] != ordinal) astray++;
    next_of[key % KEYS] = ordinal + 1;
    return (key + ordinal) % (max_ms + 1);
}

// Answers what is due, and has the timer go off for the next.
static void answer_due(void) {
    uint64_t now = now_ns(), next = 0;
    for (int fd = 0; fd <= highest; fd++) {
        connection *c = connections[fd];
        if (!c || !c->due) continue;
        if (c->due <= now) {
            c->due = 0;
            put(fd, ok, sizeof ok - 1);
        } else if (!next || c->due < next) {
            next = c->due;
        }
    }
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(next / 1000000000u), .tv_nsec = (long)(next % 1000000000u)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void answer(int fd, const char *head) {
    if (strncmp(head, "GET /_stats ", 12) == 0) {
        char text[512], whole[1024];
        int size = snprintf(text, sizeof text, "runs %lu\nastray %lu\nseconds_ns %lu\n", runs, astray, runs > 1 ? last_run - first_run : 0);
        size += latency_print(text + size, sizeof text - (size_t)size, &starts);
        put(fd, whole, (size_t)snprintf(whole, sizeof whole, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", size, text));
        return;
    }
    if (strncmp(head, "POST /_reset ", 13) == 0) {
        runs = astray = 0;
        memset(next_of, 0, sizeof next_of);
        memset(&starts, 0, sizeof starts);
        put(fd, ok, sizeof ok - 1);
        return;
    }
    last_run = now_ns();
    if (runs++ == 0) first_run = last_run;
    const char *sent = strcasestr(head, "\r\nX-Sent: ");
    if (sent) {
        uint64_t then = strtoull(sent + 10, NULL, 10);
        latency_add(&starts, last_run > then ? last_run - then : 0);
    }
    unsigned long wait = delays ? wait_of(head) : 0;
    if (wait == 0) {
        put(fd, ok, sizeof ok - 1);
        return;
    }
    connections[fd]->due = last_run + wait * 1000000u;
    answer_due();
}

// How many of the bytes are one whole request; 0 for not yet, -1 for what this program does not speak.
static long whole_request(char *bytes, size_t length) {
    bytes[length] = 0;
    char *end = strstr(bytes, "\r\n\r\n");
    if (!end) return length < ROOM ? 0 : -1;
    *end = 0;
    const char *said = strcasestr(bytes, "\r\nContent-Length: ");
    int chunked = strcasestr(bytes, "\r\nTransfer-Encoding: chunked") != NULL;
    size_t body = said ? strtoul(said + 18, NULL, 10) : 0;
    *end = '\r';
    size_t begin = (size_t)(end - bytes) + 4;
    if (chunked) {
        char *last = memmem(bytes + begin, length - begin, "0\r\n\r\n", 5);
        return last ? last + 5 - bytes : length < ROOM ? 0 : -1;
    }
    if (begin + body > ROOM) return -1;
    return begin + body <= length ? (long)(begin + body) : 0;
}

static void leave(int fd) {
    free(connections[fd]);
    connections[fd] = NULL;
    close(fd);
}

static void serve(int fd) {
    connection *c = connections[fd];
    ssize_t got = recv(fd, c->bytes + c->length, ROOM - c->length, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) leave(fd);
        return;
    }
    c->length += (size_t)got;
    long size;
    while (c->length > 0 && (size = whole_request(c->bytes, c->length)) != 0) {
        if (size < 0) {
            leave(fd);
            return;
        }
        answer(fd, c->bytes);
        c->length -= (size_t)size;
        memmove(c->bytes, c->bytes + size, c->length);
    }
}

int main(int count, char **arguments) {
    if (count != 2 && count != 3) {
        fprintf(stderr, "usage: function PORT [MAX_MS]\n");
        return 2;
    }
    delays = count == 3;
    max_ms = delays ? strtoul(arguments[2], NULL, 10) : 0;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) {
        perror("function");
        return 1;
    }
    int poll = epoll_create1(0);
    struct epoll_event wish = {.events = EPOLLIN, .data.fd = listener}, ready[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wish);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event ticks = {.events = EPOLLIN, .data.fd = timer};
    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &ticks);
    puts("listening");
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(poll, ready, 256, -1);
        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd;
            if (fd == timer) {
                answer_due();
                continue;
            }
            if (fd != listener) {
                serve(fd);
                continue;
            }
            int caller = accept(listener, NULL, NULL);
            if (caller < 0) continue;
            if (caller >= CONNECTIONS || !(connections[caller] = malloc(sizeof(connection)))) {
                close(caller);
                continue;
            }
            connections[caller]->length = connections[caller]->due = 0;
            if (caller > highest) highest = caller;
            setsockopt(caller, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            struct epoll_event reading = {.events = EPOLLIN, .data.fd = caller};
            epoll_ctl(poll, EPOLL_CTL_ADD, caller, &reading);
        }
    }
}
