using System.Net;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Agent.Probes;

/// <summary>Connects to a socket of QM and closes the connection.</summary>
internal static class SocketProbe
{
    /// <summary>Connects over TCP, from QM's network.</summary>
    /// <exception cref="NodeFileException">The agent cannot enter QM's network.</exception>
    public static async Task<ProbeOutcome> ConnectAsync(QmEntrance qm, ProbeTarget target, ProbeAction.TcpSocket action, CancellationToken timeout)
    {
        IPAddress[] addresses = action.Host == "localhost" ? [IPAddress.Loopback, IPAddress.IPv6Loopback] : [IPAddress.Parse(action.Host)];
        List<string> refusals = [];
        foreach (var point in addresses.Select(address => new IPEndPoint(address, action.Port)))
        {
            try
            {
                using var socket = qm.OpenTcp(target, point.AddressFamily);
                await socket.ConnectAsync(point, timeout).ConfigureAwait(false);
                return ProbeOutcome.Success;
            }
            catch (SocketException e)
            {
                refusals.Add($"{point}: {e.Message}");
            }
        }

        return ProbeOutcome.Failure(string.Join("; ", refusals));
    }

    /// <summary>Connects to a Unix socket that was opened by its path inside QM; waits for its backlog no longer than <paramref name="timeout"/>.</summary>
    public static ProbeOutcome Connect(SafeFileHandle opened, string path, TimeSpan timeout)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { SendTimeout = (int)timeout.TotalMilliseconds };
        try
        {
            // The kernel's name for what was opened: no path is resolved again.
            socket.Connect(new UnixDomainSocketEndPoint($"/proc/self/fd/{opened.DangerousGetHandle()}"));
            return ProbeOutcome.Success;
        }
        catch (SocketException e)
        {
            return ProbeOutcome.Failure($"{path}: {e.Message}");
        }
    }
}
