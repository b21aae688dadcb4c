/* SPDX-License-Identifier: Apache-2.0
 * The other end of the benchmark: just enough of org.eclipse.bluechi that its client can call one node and hear one monitor.
 * Both clients talk to this one, so what they differ in is their own. */
#include <stdio.h>
#include <systemd/sd-bus.h>

#define NAME "org.eclipse.bluechi"
#define ROOT "/org/eclipse/bluechi"
#define NODE ROOT "/node/ecu1"
#define MONITOR ROOT "/monitor/1"

static int list_nodes(sd_bus_message *call, void *data, sd_bus_error *error) {
    return sd_bus_reply_method_return(call, "a(soss)", 1, "ecu1", NODE, "online", "127.0.0.1");
}

static int create_monitor(sd_bus_message *call, void *data, sd_bus_error *error) {
    return sd_bus_reply_method_return(call, "o", MONITOR);
}

static int get_unit_property(sd_bus_message *call, void *data, sd_bus_error *error) {
    return sd_bus_reply_method_return(call, "v", "s", "active");
}

static int subscribe(sd_bus_message *call, void *data, sd_bus_error *error) {
    return sd_bus_reply_method_return(call, "u", 1);
}

static int close_monitor(sd_bus_message *call, void *data, sd_bus_error *error) {
    return sd_bus_reply_method_return(call, "");
}

static int emit_state(sd_bus *bus) {
    return sd_bus_emit_signal(bus, MONITOR, NAME ".Monitor", "UnitStateChanged", "sssss", "ecu1", "radio.service", "active", "running", "real");
}

/* What systemd 257 tells of a service that has just started, shortened: numbers, texts, an invocation id, and a command with its times. */
static int emit_properties(sd_bus *bus) {
    static const uint8_t invocation[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    sd_bus_message *signal = NULL;
    int result = sd_bus_message_new_signal(bus, &signal, MONITOR, NAME ".Monitor", "UnitPropertiesChanged");
    if (result >= 0)
        result = sd_bus_message_append(signal, "sss", "ecu1", "radio.service", "org.freedesktop.systemd1.Service");
    if (result >= 0)
        result = sd_bus_message_open_container(signal, 'a', "{sv}");
    if (result >= 0)
        result = sd_bus_message_append(signal, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}",
            "MainPID", "u", 4711, "ControlPID", "u", 0, "StatusText", "s", "", "StatusErrno", "i", 0, "Result", "s", "success",
            "NRestarts", "u", 0, "ExecMainStartTimestamp", "t", 1790000000000000ULL, "ExecMainStartTimestampMonotonic", "t", 123456789ULL,
            "MemoryCurrent", "t", 104857600ULL, "ActiveState", "s", "active");
    if (result >= 0)
        result = sd_bus_message_append(signal, "{sv}", "ExecStart", "a(sasbttttuii)", 1,
            "/usr/bin/podman", 3, "/usr/bin/podman", "run", "radio", 0, 1790000000000000ULL, 123456789ULL, 0ULL, 0ULL, 4711, 0, 0);
    if (result >= 0)
        result = sd_bus_message_open_container(signal, 'e', "sv");
    if (result >= 0)
        result = sd_bus_message_append(signal, "s", "InvocationID");
    if (result >= 0)
        result = sd_bus_message_open_container(signal, 'v', "ay");
    if (result >= 0)
        result = sd_bus_message_append_array(signal, 'y', invocation, sizeof invocation);
    for (int container = 0; container < 3 && result >= 0; container++)
        result = sd_bus_message_close_container(signal);
    if (result >= 0)
        result = sd_bus_send(bus, signal, NULL);
    sd_bus_message_unref(signal);
    return result;
}

/* Not BlueChi's: tells so many signals of one kind, and then answers. */
static int emit(sd_bus_message *call, void *data, sd_bus_error *error) {
    sd_bus *bus = sd_bus_message_get_bus(call);
    uint32_t count;
    int properties;
    int result = sd_bus_message_read(call, "ub", &count, &properties);
    for (uint32_t sent = 0; sent < count && result >= 0; sent++) {
        result = properties ? emit_properties(bus) : emit_state(bus);
        if (result >= 0 && sent % 256 == 0)
            result = sd_bus_flush(bus);
    }
    return result < 0 ? result : sd_bus_reply_method_return(call, "");
}

static const sd_bus_vtable controller[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("ListNodes", "", "a(soss)", list_nodes, 0),
    SD_BUS_METHOD("CreateMonitor", "", "o", create_monitor, 0),
    SD_BUS_VTABLE_END,
};

static const sd_bus_vtable node[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("GetUnitProperty", "sss", "v", get_unit_property, 0),
    SD_BUS_VTABLE_END,
};

static const sd_bus_vtable monitor[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Subscribe", "ss", "u", subscribe, 0),
    SD_BUS_METHOD("Close", "", "", close_monitor, 0),
    SD_BUS_METHOD("Emit", "ub", "", emit, 0),
    SD_BUS_VTABLE_END,
};

int main(void) {
    sd_bus *bus = NULL;
    int result = sd_bus_open_user(&bus);
    if (result >= 0)
        result = sd_bus_add_object_vtable(bus, NULL, ROOT, NAME ".Controller", controller, NULL);
    if (result >= 0)
        result = sd_bus_add_object_vtable(bus, NULL, NODE, NAME ".Node", node, NULL);
    if (result >= 0)
        result = sd_bus_add_object_vtable(bus, NULL, MONITOR, NAME ".Monitor", monitor, NULL);
    if (result >= 0)
        result = sd_bus_request_name(bus, NAME, 0);
    if (result >= 0) {
        puts("ready");
        fflush(stdout);
    }
    while (result >= 0) {
        result = sd_bus_process(bus, NULL);
        if (result == 0)
            result = sd_bus_wait(bus, UINT64_MAX);
    }
    fprintf(stderr, "site: error %d\n", -result);
    return 1;
}
