using System.Runtime.InteropServices;

namespace Qm.Fleet.BlueChi.Bus;

/// <summary>The part of sd-bus(3) that is used; every function returns a negative errno on failure.</summary>
internal static unsafe partial class SdBus
{
    private const string Library = "libsystemd.so.0";

    [StructLayout(LayoutKind.Sequential)]
    internal struct Error
    {
        internal byte* Name;
        internal byte* Message;
        internal int NeedFree;
    }

    /// <summary>An <c>sd_id128_t</c>.</summary>
    internal readonly record struct Id128(ulong High, ulong Low);

    [LibraryImport(Library, EntryPoint = "sd_bus_new")]
    internal static partial int New(out nint bus);

    [LibraryImport(Library, EntryPoint = "sd_bus_set_address", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SetAddress(nint bus, string address);

    [LibraryImport(Library, EntryPoint = "sd_bus_set_bus_client")]
    internal static partial int SetBusClient(nint bus, int isClient);

    [LibraryImport(Library, EntryPoint = "sd_bus_set_anonymous")]
    internal static partial int SetAnonymous(nint bus, int isAllowed);

    [LibraryImport(Library, EntryPoint = "sd_bus_set_server")]
    internal static partial int SetServer(nint bus, int isServer, Id128 id);

    [LibraryImport(Library, EntryPoint = "sd_bus_set_fd")]
    internal static partial int SetFd(nint bus, int input, int output);

    [LibraryImport(Library, EntryPoint = "sd_bus_is_ready")]
    internal static partial int IsReady(nint bus);

    [LibraryImport(Library, EntryPoint = "sd_bus_start")]
    internal static partial int Start(nint bus);

    [LibraryImport(Library, EntryPoint = "sd_bus_open_system")]
    internal static partial int OpenSystem(out nint bus);

    [LibraryImport(Library, EntryPoint = "sd_bus_open_system_remote", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int OpenSystemRemote(out nint bus, string host);

    [LibraryImport(Library, EntryPoint = "sd_bus_flush_close_unref")]
    internal static partial nint FlushCloseUnref(nint bus);

    [LibraryImport(Library, EntryPoint = "sd_bus_get_unique_name")]
    internal static partial int GetUniqueName(nint bus, out byte* name);

    [LibraryImport(Library, EntryPoint = "sd_bus_get_fd")]
    internal static partial int GetFd(nint bus);

    [LibraryImport(Library, EntryPoint = "sd_bus_get_events")]
    internal static partial int GetEvents(nint bus);

    [LibraryImport(Library, EntryPoint = "sd_bus_get_timeout")]
    internal static partial int GetTimeout(nint bus, out ulong microseconds);

    [LibraryImport(Library, EntryPoint = "sd_bus_process")]
    internal static partial int Process(nint bus, nint message);

    /// <summary>Without a slot of its own the filter lives as long as the connection; a slot would keep the connection alive.</summary>
    [LibraryImport(Library, EntryPoint = "sd_bus_add_filter")]
    internal static partial int AddFilter(nint bus, nint noSlot, delegate* unmanaged[Cdecl]<nint, nint, Error*, int> callback, nint userdata);

    [LibraryImport(Library, EntryPoint = "sd_bus_slot_unref")]
    internal static partial nint SlotUnref(nint slot);

    [LibraryImport(Library, EntryPoint = "sd_bus_call_async")]
    internal static partial int CallAsync(
        nint bus, out nint slot, nint message, delegate* unmanaged[Cdecl]<nint, nint, Error*, int> callback, nint userdata, ulong microseconds);

    [LibraryImport(Library, EntryPoint = "sd_bus_send")]
    internal static partial int Send(nint bus, nint message, nint cookie);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_new_method_call", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int NewMethodCall(nint bus, out nint message, string destination, string path, string @interface, string member);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_new_method_return")]
    internal static partial int NewMethodReturn(nint call, out nint message);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_new_method_error")]
    internal static partial int NewMethodError(nint call, out nint message, Error* error);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_new_signal", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int NewSignal(nint bus, out nint message, string path, string @interface, string member);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_set_destination", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SetDestination(nint message, string destination);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_ref")]
    internal static partial nint MessageRef(nint message);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_unref")]
    internal static partial nint MessageUnref(nint message);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_get_type")]
    internal static partial int GetType(nint message, out byte type);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_get_expect_reply")]
    internal static partial int GetExpectReply(nint message);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_get_sender")]
    internal static partial byte* GetSender(nint message);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_get_path")]
    internal static partial byte* GetPath(nint message);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_get_interface")]
    internal static partial byte* GetInterface(nint message);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_get_member")]
    internal static partial byte* GetMember(nint message);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_get_error")]
    internal static partial Error* GetError(nint message);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_peek_type")]
    internal static partial int PeekType(nint message, out byte type, out byte* contents);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_read_basic")]
    internal static partial int ReadBasic(nint message, byte type, void* value);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_read_array")]
    internal static partial int ReadArray(nint message, byte type, out void* start, out nuint bytes);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_enter_container")]
    internal static partial int EnterContainer(nint message, byte type, byte* contents);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_exit_container")]
    internal static partial int ExitContainer(nint message);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_append_basic")]
    internal static partial int AppendBasic(nint message, byte type, void* value);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_append_array")]
    internal static partial int AppendArray(nint message, byte type, void* start, nuint bytes);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_open_container", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int OpenContainer(nint message, byte type, string contents);

    [LibraryImport(Library, EntryPoint = "sd_bus_message_close_container")]
    internal static partial int CloseContainer(nint message);

    /// <summary>The text at a pointer; empty for none.</summary>
    internal static string Text(byte* text) => TextPool.Get(text);
}
