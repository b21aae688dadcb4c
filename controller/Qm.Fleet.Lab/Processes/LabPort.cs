using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Qm.Fleet.Lab.Processes;

/// <summary>A TCP port of this machine that no other lab takes while this one lives, be the controller down or not.</summary>
internal sealed class LabPort : IDisposable
{
    private const int Preferred = 8420;
    private const int FirstOther = 18421;
    private const int Others = 10_000;

    // A name that the kernel keeps for one process at a time, and lets go when it dies.
    private readonly Socket _claim;

    private LabPort(int number, Socket claim) => (Number, _claim) = (number, claim);

    /// <summary>Its number.</summary>
    public int Number { get; }

    /// <summary>Claims one that nobody listens on.</summary>
    /// <exception cref="LabException">There is none.</exception>
    public static LabPort Claim()
    {
        // Below the ports that the kernel gives to clients, so that it stays free while the controller is down.
        foreach (var number in Enumerable.Range(0, Others).Select(step => FirstOther + ((Environment.ProcessId + step) * 17 % Others)).Prepend(Preferred))
        {
            if (IsFree(number) && Claim(number) is { } claim)
            {
                return new(number, claim);
            }
        }

        throw new LabException("There is no free TCP port on 127.0.0.1.");
    }

    public void Dispose() => _claim.Dispose();

    private static bool IsFree(int number)
    {
        using var probe = new TcpListener(IPAddress.Loopback, number);
        try
        {
            probe.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static Socket? Claim(int number)
    {
        var claim = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            claim.Bind(new UnixDomainSocketEndPoint(string.Create(CultureInfo.InvariantCulture, $"\0qmfleet-lab-port-{number}")));
            return claim;
        }
        catch (SocketException)
        {
            // Another lab's.
            claim.Dispose();
            return null;
        }
    }
}
