using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Processes;

namespace Qm.Fleet.Lab.Peers;

/// <summary>A bluechi-controller that somebody else runs, with agents of ours.</summary>
/// <param name="Address">Where it takes agents in, such as <c>tcp:host=127.0.0.1,port=842</c> or <c>unix:path=/run/bluechi/bluechi.sock</c>.</param>
/// <param name="BusAddress">The bus that it serves its clients on; <c>system</c> for the system bus.</param>
internal sealed record RealController(string Address, string BusAddress)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Leaving = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(200);

    /// <summary>Looks whether agents of these names can register. Answers the controller's process id.</summary>
    /// <param name="nodes">The names, the <c>qm.</c> ones included.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="LabException">It is not there, or does not allow all of them, or some are connected already.</exception>
    public async Task<int> CheckAsync(IReadOnlyCollection<string> nodes, TimeProvider time, CancellationToken cancellation)
    {
        try
        {
            var bus = await BusConnection.ConnectAsync(BusAddress, Deadline, time, cancellation).ConfigureAwait(false);
            await using (bus.ConfigureAwait(false))
            {
                var owner = await bus.FindOwnerAsync(BlueChiNames.Bus, cancellation).ConfigureAwait(false)
                    ?? throw new LabException($"Nobody owns {BlueChiNames.Bus} on the bus at {BusAddress}: bluechi-controller does not run, or is on another bus.");
                await CheckAsync(nodes, () => ListAsync(bus, cancellation), time, cancellation).ConfigureAwait(false);
                return (int)await bus.GetProcessIdAsync(owner, cancellation).ConfigureAwait(false);
            }
        }
        catch (BusException e)
        {
            throw new LabException($"bluechi-controller on the bus at {BusAddress} cannot be asked: {e.Message}", e);
        }
    }

    // Agents of a lab that has just ended are connected for a moment more.
    private static async Task CheckAsync(IReadOnlyCollection<string> nodes, Func<Task<Dictionary<string, string>>> list, TimeProvider time, CancellationToken cancellation)
    {
        var begun = time.GetTimestamp();
        while (true)
        {
            var known = await list().ConfigureAwait(false);
            string[] missing = [.. nodes.Where(node => !known.ContainsKey(node))];
            string[] taken = [.. nodes.Where(node => known.GetValueOrDefault(node) == "online")];
            if (missing.Length == 0 && taken.Length == 0)
            {
                return;
            }

            if (missing.Length > 0 || time.GetElapsedTime(begun) > Leaving)
            {
                string[] problems =
                [
                    .. missing.Length == 0 ? Array.Empty<string>() : [$"it does not allow {Names(missing)}; add them to AllowedNodeNames in its controller.conf and restart it"],
                    .. taken.Length == 0 ? Array.Empty<string>() : [$"it has {Names(taken)} connected already; end their agents, or give the lab a controller of its own"],
                ];
                throw new LabException($"The agents cannot register with bluechi-controller: {string.Join("; ", problems)}.");
            }

            await Task.Delay(Again, time, cancellation).ConfigureAwait(false);
        }
    }

    private static async Task<Dictionary<string, string>> ListAsync(BusConnection bus, CancellationToken cancellation)
    {
        var list = await bus.CallAsync(BlueChiNames.Bus, BlueChiNames.Root, BlueChiNames.Controller, "ListNodes", [], Deadline, ct: cancellation).ConfigureAwait(false);
        return list[0].AsItems().Select(node => node.AsItems()).ToDictionary(node => node[0].AsText(), node => node[2].AsText());
    }

    private static string Names(string[] nodes)
    {
        const int Most = 6;
        return string.Join(", ", nodes.Take(Most)) + (nodes.Length > Most ? $" and {nodes.Length - Most} more" : "");
    }
}
