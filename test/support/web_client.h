/* A plain client of the web server: requests, and a WebSocket by hand (RFC 6455).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_WEB_CLIENT_H
#define TEST_WEB_CLIENT_H

#include <arpa/inet.h>
#include <ja/core/clock.h>
#include <ja/core/loop.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A TCP port on the loopback that was free just now. */
static inline int web_free_port(void) {
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof where;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bind(fd, (struct sockaddr *)&where, sizeof where);
    getsockname(fd, (struct sockaddr *)&where, &length);
    close(fd);
    return ntohs(where.sin_port);
}

static inline int web_connect(int port) {
    struct sockaddr_in where = {.sin_family = AF_INET,
                                .sin_port = htons((unsigned short)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&where, sizeof where) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Reads until the other side closes, `size` bytes are there or `enough` stands in them; lets the
 * loop run meanwhile. Returns how many. */
static inline size_t web_read(struct ja_loop *loop, int fd, char *bytes, size_t size,
                              const char *enough) {
    size_t length = 0;
    uint64_t end_us = ja_clock_us() + 5000000;
    bytes[0] = '\0';
    while (length + 1 < size && ja_clock_us() < end_us) {
        ja_loop_once(loop, 1000);
        ssize_t more = recv(fd, bytes + length, size - 1 - length, MSG_DONTWAIT);
        if (more == 0)
            break;
        if (more < 0)
            continue;
        length += (size_t)more;
        bytes[length] = '\0';
        if (enough && strstr(bytes, enough))
            break;
    }
    return length;
}

/* Sends a request (method and path; further headers, each ending with \r\n) and returns the
 * answer's status; the whole answer goes to `answer`. */
static inline int web_ask(struct ja_loop *loop, int port, const char *what, const char *headers,
                          const char *body, char *answer, size_t size) {
    char request[4096], length_header[64] = "";
    int status = 0, fd = web_connect(port);
    if (!strstr(headers, "Content-Length"))
        snprintf(length_header, sizeof length_header, "Content-Length: %zu\r\n", strlen(body));
    int length = snprintf(request, sizeof request, "%s HTTP/1.1\r\nConnection: close\r\n%s%s\r\n%s",
                          what, headers, length_header, body);
    if (fd < 0 || send(fd, request, (size_t)length, MSG_NOSIGNAL) < 0)
        return -1;
    web_read(loop, fd, answer, size, NULL);
    close(fd);
    sscanf(answer, "HTTP/1.%*d %d", &status);
    return status;
}

/* Asks for a WebSocket; the answer's headers go to `answer`. */
static inline void web_upgrade(struct ja_loop *loop, int fd, const char *path, const char *headers,
                               char *answer, size_t size) {
    char text[1024];
    int length = snprintf(text, sizeof text,
                          "GET %s HTTP/1.1\r\n%sUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Sec-WebSocket-Version: 13\r\n\r\n",
                          path, headers);
    send(fd, text, (size_t)length, MSG_NOSIGNAL);
    answer[0] = '\0';
    for (size_t i = 0; i + 2 < size && !strstr(answer, "\r\n\r\n"); i++)
        if (web_read(loop, fd, answer + i, 2, NULL) == 0) /* one by one: a message may follow */
            break;
}

/* Opens a WebSocket; -1 when it is refused. */
static inline int web_open(struct ja_loop *loop, int port, const char *path, const char *headers) {
    char text[1024];
    int fd = web_connect(port);
    web_upgrade(loop, fd, path, headers, text, sizeof text);
    if (strstr(text, " 101 ") && strstr(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        return fd;
    close(fd);
    return -1;
}

/* One frame, masked with zeros; up to 65535 bytes. */
static inline void web_say(int fd, bool text, const void *bytes, size_t size) {
    unsigned char head[8] = {text ? 0x81 : 0x82, 0x80 | 126, (unsigned char)(size >> 8),
                             (unsigned char)size};
    send(fd, head, 8, MSG_NOSIGNAL | MSG_MORE);
    send(fd, bytes, size, MSG_NOSIGNAL);
}

static inline bool web_read_exactly(struct ja_loop *loop, int fd, void *bytes, size_t size) {
    unsigned char *at = bytes;
    uint64_t end_us = ja_clock_us() + 5000000;
    while (size > 0 && ja_clock_us() < end_us) {
        ja_loop_once(loop, 1000);
        ssize_t got = recv(fd, at, size, MSG_DONTWAIT);
        if (got == 0)
            return false;
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        }
    }
    return size == 0;
}

/* The next frame's bytes and opcode (1 text, 2 binary, 8 close); -1 when none comes. */
static inline int web_hear(struct ja_loop *loop, int fd, void *bytes, size_t room, size_t *size) {
    unsigned char head[2], extended[8];
    if (!web_read_exactly(loop, fd, head, 2))
        return -1;
    unsigned more = head[1] == 126 ? 2 : head[1] == 127 ? 8 : 0;
    *size = head[1];
    if (more && !web_read_exactly(loop, fd, extended, more))
        return -1;
    for (unsigned i = 0; i < more; i++)
        *size = (i ? *size << 8 : 0) | extended[i];
    return *size <= room && web_read_exactly(loop, fd, bytes, *size) ? head[0] & 15 : -1;
}

#endif
