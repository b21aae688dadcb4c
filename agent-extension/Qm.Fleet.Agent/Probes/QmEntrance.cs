using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Probes;

/// <summary>The way to what QM sees: its file system, and its network.</summary>
/// <param name="root">The node.</param>
/// <param name="isMachine">Whether that is this machine; the processes of an emulated node have no namespaces.</param>
internal sealed partial class QmEntrance(NodeRoot root, bool isMachine)
{
    private const int NetworkNamespace = 0x40000000;
    private const int ThreadStackBytes = 256 * 1024;

    /// <summary>QM's root directory as a root of its own, which nothing planted inside QM leads out of.</summary>
    /// <exception cref="NodeFileException">QM does not run any more, or the agent may not look.</exception>
    public NodeRoot OpenRoot(ProbeTarget target)
    {
        using var init = OpenInit(target);
        // The kernel's own link, followed by its own name; an emulated one is resolved inside the node.
        return isMachine ? NodeRoot.Open($"{NameOf(init)}/root") : root.Within($"/proc/{target.QmInit}/root");
    }

    /// <summary>A TCP socket in QM's network, not connected.</summary>
    /// <exception cref="NodeFileException">QM does not run any more, or the agent may not enter its network.</exception>
    /// <exception cref="SocketException">There is no such address family.</exception>
    public Socket OpenTcp(ProbeTarget target, AddressFamily family)
    {
        if (!isMachine)
        {
            return new(family, SocketType.Stream, ProtocolType.Tcp);
        }

        using var init = OpenInit(target);
        using var network = LinuxSystemCalls.OpenNamespace($"{NameOf(init)}/ns/net", $"/proc/{target.QmInit}/ns/net");
        return OnOwnThread(network, $"/proc/{target.QmInit}/ns/net", () => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
    }

    // A socket belongs to the network its thread was in when it was made. The thread ends with it: one of the pool would take QM's network along to others' work.
    private static Socket OnOwnThread(SafeFileHandle network, string path, Func<Socket> open)
    {
        Socket? socket = null;
        Exception? failure = null;
        var thread = new Thread(EnterAndOpen, ThreadStackBytes) { IsBackground = true, Name = "qm-network" };
        thread.Start();
        thread.Join();
        return socket ?? throw failure!;

        void EnterAndOpen()
        {
            try
            {
                if (SetNamespace(network, NetworkNamespace) < 0)
                {
                    var errno = Marshal.GetLastPInvokeError();
                    throw new NodeFileException("enter", path, errno, Marshal.GetPInvokeErrorMessage(errno));
                }

                socket = open();
            }
            catch (Exception e) when (e is NodeFileException or SocketException)
            {
                failure = e;
            }
        }
    }

    // What is open stays that process: once it has ended nothing is found in it, even if another one has its number. So it is opened first, and looked at then.
    private NodeDirectory OpenInit(ProbeTarget target)
    {
        var init = root.OpenDirectory($"/proc/{target.QmInit}");
        try
        {
            if (target.HoldsQmProcess(File.ReadAllText($"{NameOf(init)}/cgroup")))
            {
                return init;
            }

            throw new NodeFileException("find QM in", init.Path, Errno.NoSuchProcess, "its init has ended");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            init.Dispose();
            throw e as NodeFileException ?? new NodeFileException("look at", init.Path, Errno.NoSuchProcess, e.Message);
        }
    }

    private static string NameOf(NodeDirectory directory) => $"/proc/self/fd/{directory.Handle.DangerousGetHandle()}";

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(SafeFileHandle file, int kind);
}
