// function PORT: a function that costs next to nothing. One thread answers every HTTP/1.1 request with 200 and two bytes.
// A request with X-Sent (a caller's CLOCK_MONOTONIC, in ns) is timed from there to here. GET /_stats tells what was seen since POST /_reset.
#define _GNU_SOURCE
#include "latency.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 256 * 1024, CONNECTIONS = 4096 };

typedef struct {
    size_t length;
    char bytes[ROOM + 1];
} connection;

static connection *connections[CONNECTIONS];
static latencies starts;
static uint64_t runs, first_run, last_run;

static void put(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes += sent;
        length -= (size_t)sent;
    }
}

static void answer(int fd, const char *head) {
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
    if (strncmp(head, "GET /_stats ", 12) == 0) {
        char text[512], whole[1024];
        int size = snprintf(text, sizeof text, "runs %lu\nseconds_ns %lu\n", runs, runs > 1 ? last_run - first_run : 0);
        size += latency_print(text + size, sizeof text - (size_t)size, &starts);
        put(fd, whole, (size_t)snprintf(whole, sizeof whole, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", size, text));
        return;
    }
    if (strncmp(head, "POST /_reset ", 13) == 0) {
        runs = 0;
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
    put(fd, ok, sizeof ok - 1);
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
    if (count != 2) {
        fprintf(stderr, "usage: function PORT\n");
        return 2;
    }
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
    puts("listening");
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(poll, ready, 256, -1);
        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd;
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
            connections[caller]->length = 0;
            setsockopt(caller, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            struct epoll_event reading = {.events = EPOLLIN, .data.fd = caller};
            epoll_ctl(poll, EPOLL_CTL_ADD, caller, &reading);
        }
    }
}
