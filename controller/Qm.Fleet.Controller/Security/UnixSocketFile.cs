using System.Net.Sockets;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Security;

/// <summary>The Unix socket's place in the file system.</summary>
internal static class UnixSocketFile
{
    /// <summary>Makes the folder (mode 0700 when it is new) and takes away what a killed process left.</summary>
    /// <exception cref="StoreException">Somebody serves there, or a file that is no socket is in the way.</exception>
    public static void Prepare(string path)
    {
        DurableFolder.Create(Path.GetDirectoryName(path)!);
        if (!File.Exists(path))
        {
            return;
        }
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException e)
        {
            throw new StoreException($"{path} is in the way: {e.Message}. Remove it, or use another --socket.", isTransient: false, e);
        }
        throw new StoreException($"Another process serves on {path}. Stop it, or use another --socket.", isTransient: false);
    }

    /// <summary>Leaves the socket to its owner (mode 0600); until then the check of the peer's uid alone keeps others out.</summary>
    public static void Restrict(string path) => File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
}
