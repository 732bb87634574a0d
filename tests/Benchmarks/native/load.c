// load PORT PATH CONNECTIONS SECONDS RATE: posts 1 KiB to 127.0.0.1 with one thread, and prints what came of it as lines of a name and a number.
// RATE 0: each connection asks again once it is answered. Otherwise so many requests a second are due, spread evenly; each is timed from when it was due,
// whether or not a connection was free then, so that a server that stands still for a while is charged for all who would have asked.
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

enum { ROOM = 64 * 1024, BODY = 1024, MAX_CONNECTIONS = 1024 };

typedef struct {
    int fd, is_busy;
    uint64_t sent;
    size_t length;
    char bytes[ROOM + 1];
} connection;

static connection *connections;
static int free_ones[MAX_CONNECTIONS], free_count;
static const char *path;
static int port, poll_fd;
static latencies times;
static uint64_t answered, refused, broken;

static void open_connection(connection *c) {
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    c->length = 0;
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) {
        perror("load");
        exit(1);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event wish = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &wish);
}

static void ask(connection *c, uint64_t due) {
    static char body[BODY];
    char request[4096];
    if (!body[0]) memset(body, 'x', BODY);
    int head = snprintf(request, sizeof request - BODY,
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/octet-stream\r\nX-Sent: %lu\r\nContent-Length: %d\r\n\r\n", path, port, due, BODY);
    memcpy(request + head, body, BODY);
    c->sent = due;
    c->is_busy = 1;
    if (send(c->fd, request, (size_t)head + BODY, MSG_NOSIGNAL) != head + BODY) broken++;
}

// How many of the bytes are one whole answer; 0 for not yet.
static size_t whole_answer(char *bytes, size_t length) {
    bytes[length] = 0;
    char *end = strstr(bytes, "\r\n\r\n");
    if (!end) return 0;
    *end = 0;
    const char *said = strcasestr(bytes, "\r\nContent-Length: ");
    int chunked = strcasestr(bytes, "\r\nTransfer-Encoding: chunked") != NULL;
    size_t body = said ? strtoul(said + 18, NULL, 10) : 0, begin = (size_t)(end - bytes) + 4;
    *end = '\r';
    if (chunked) {
        char *last = memmem(bytes + begin, length - begin, "0\r\n\r\n", 5);
        return last ? (size_t)(last + 5 - bytes) : 0;
    }
    return begin + body <= length ? begin + body : 0;
}

// Whether the connection is free again.
static int take(connection *c) {
    ssize_t got = recv(c->fd, c->bytes + c->length, ROOM - c->length, MSG_DONTWAIT);
    if (got <= 0) {
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
        broken += c->is_busy != 0;
        close(c->fd);
        open_connection(c);
        return c->is_busy;
    }
    c->length += (size_t)got;
    size_t size = whole_answer(c->bytes, c->length);
    if (size == 0) return 0;
    latency_add(&times, now_ns() - c->sent);
    answered++;
    if (c->bytes[9] != '2') refused++;
    c->length -= size;
    memmove(c->bytes, c->bytes + size, c->length);
    return 1;
}

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "usage: load PORT PATH CONNECTIONS SECONDS RATE\n");
        return 2;
    }
    port = atoi(arguments[1]);
    path = arguments[2];
    int total = atoi(arguments[3]), rate = atoi(arguments[5]);
    uint64_t span = (uint64_t)(atof(arguments[4]) * 1e9);
    if (total < 1 || total > MAX_CONNECTIONS) return 2;
    connections = calloc((size_t)total, sizeof *connections);
    poll_fd = epoll_create1(0);
    for (int i = 0; i < total; i++) open_connection(&connections[i]);

    uint64_t start = now_ns(), end = start + span, due = start, gap = rate > 0 ? 1000000000u / (uint64_t)rate : 0;
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event wish = {.events = EPOLLIN, .data.ptr = NULL}, ready[256];
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer, &wish);
    for (int i = total; i-- > 0;) {
        if (gap) free_ones[free_count++] = i;
        else ask(&connections[i], now_ns());
    }

    // After the end those that are under way are waited for, a second at most.
    int running = gap ? 0 : total;
    for (uint64_t now = start; now < end || (running > 0 && now < end + 1000000000u); now = now_ns()) {
        while (gap && due <= now && due < end && free_count > 0) {
            ask(&connections[free_ones[--free_count]], due);
            running++;
            due += gap;
        }
        if (gap && now < end && due > now) {
            struct itimerspec at = {.it_value = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)}};
            timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
        }
        int n = epoll_wait(poll_fd, ready, 256, 100);
        for (int i = 0; i < n; i++) {
            connection *c = ready[i].data.ptr;
            if (!c) {
                uint64_t rings;
                if (read(timer, &rings, sizeof rings) < 0) continue;
            } else if (take(c)) {
                c->is_busy = 0;
                if (!gap && now < end) {
                    ask(c, now_ns());
                    continue;
                }
                running--;
                free_ones[free_count++] = (int)(c - connections);
            }
        }
    }

    char text[512];
    latency_print(text, sizeof text, &times);
    printf("requests %lu\nrefused %lu\nbroken %lu\nseconds_ns %lu\n%s", answered, refused, broken + (uint64_t)running, now_ns() - start, text);
    return 0;
}
