/* SPDX-License-Identifier: Apache-2.0
 * What a client of org.eclipse.bluechi costs that has nothing but libsystemd: the measure of ours.
 *   client calls COUNT WINDOW      seconds for COUNT GetUnitProperty, WINDOW of them under way
 *   client latency COUNT           seconds of each of COUNT GetUnitProperty, one after the other
 *   client state COUNT             seconds from asking to having read COUNT UnitStateChanged
 *   client properties COUNT        the same of UnitPropertiesChanged */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define NAME "org.eclipse.bluechi"
#define NODE "/org/eclipse/bluechi/node/ecu1"
#define MONITOR "/org/eclipse/bluechi/monitor/1"

static sd_bus *bus;
static long left_to_begin, left_to_end;

/* Keeps the compiler from leaving out what is read. */
static volatile unsigned long long seen;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int check(int result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "client: %s: %s\n", what, strerror(-result));
        exit(1);
    }
    return result;
}

static void step(void) {
    if (check(sd_bus_process(bus, NULL), "process") == 0)
        check(sd_bus_wait(bus, UINT64_MAX), "wait");
}

static const char *read_state(sd_bus_message *reply) {
    const char *state;
    check(sd_bus_message_read(reply, "v", "s", &state), "read a property");
    return state;
}

static void begin(void);

static int ended(sd_bus_message *reply, void *data, sd_bus_error *error) {
    if (sd_bus_message_is_method_error(reply, NULL))
        check(-sd_bus_message_get_errno(reply), "GetUnitProperty");
    seen += (unsigned char)read_state(reply)[0];
    left_to_end--;
    begin();
    return 0;
}

static void begin(void) {
    if (left_to_begin > 0) {
        left_to_begin--;
        check(sd_bus_call_method_async(bus, NULL, NAME, NODE, NAME ".Node", "GetUnitProperty", ended, NULL, "sss",
            "radio.service", "org.freedesktop.systemd1.Unit", "ActiveState"), "call");
    }
}

static void calls(long count, long window) {
    left_to_begin = left_to_end = count;
    double start = now();
    while (window-- > 0)
        begin();
    while (left_to_end > 0)
        step();
    printf("%.9f\n", now() - start);
}

static void latency(long count) {
    while (count-- > 0) {
        sd_bus_message *reply = NULL;
        double start = now();
        check(sd_bus_call_method(bus, NAME, NODE, NAME ".Node", "GetUnitProperty", NULL, &reply, "sss",
            "radio.service", "org.freedesktop.systemd1.Unit", "ActiveState"), "call");
        seen += (unsigned char)read_state(reply)[0];
        printf("%.9f\n", now() - start);
        sd_bus_message_unref(reply);
    }
}

/* Reads whatever comes, as a client must that does not know which properties there will be. */
static void read_all(sd_bus_message *message) {
    char type;
    const char *contents;
    while (check(sd_bus_message_peek_type(message, &type, &contents), "peek") > 0) {
        if (strchr("avre", type)) {
            check(sd_bus_message_enter_container(message, type, contents), "enter");
            read_all(message);
            check(sd_bus_message_exit_container(message), "exit");
        } else {
            union {
                uint64_t number;
                const char *text;
            } value = {0};
            check(sd_bus_message_read_basic(message, type, &value), "read");
            seen += strchr("sog", type) ? strlen(value.text) : value.number;
        }
    }
}

static int told(sd_bus_message *signal, void *data, sd_bus_error *error) {
    read_all(signal);
    left_to_end--;
    return 0;
}

static int emitted(sd_bus_message *reply, void *data, sd_bus_error *error) {
    return 0;
}

static void signals(long count, int properties) {
    check(sd_bus_match_signal(bus, NULL, NAME, MONITOR, NAME ".Monitor", NULL, told, NULL), "match");
    left_to_end = count;
    double start = now();
    check(sd_bus_call_method_async(bus, NULL, NAME, MONITOR, NAME ".Monitor", "Emit", emitted, NULL, "ub", (uint32_t)count, properties), "Emit");
    while (left_to_end > 0)
        step();
    printf("%.9f\n", now() - start);
}

int main(int count, char **arguments) {
    if (count < 3)
        return 2;
    check(sd_bus_open_user(&bus), "connect");
    const char *what = arguments[1];
    long number = atol(arguments[2]);
    if (strcmp(what, "calls") == 0 && count == 4)
        calls(number, atol(arguments[3]));
    else if (strcmp(what, "latency") == 0)
        latency(number);
    else if (strcmp(what, "state") == 0)
        signals(number, 0);
    else if (strcmp(what, "properties") == 0)
        signals(number, 1);
    else
        return 2;
    sd_bus_flush_close_unref(bus);
    return 0;
}
