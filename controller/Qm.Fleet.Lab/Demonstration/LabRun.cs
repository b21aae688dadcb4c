using System.Globalization;
using Qm.Fleet.Lab.Processes;
using Qm.Fleet.V1;
using Spectre.Console;

namespace Qm.Fleet.Lab.Demonstration;

/// <summary>The one-command demonstration: a lab, a manifest applied as a user would, and the nodes shown until they are as it says.</summary>
internal sealed class LabRun(DemonstrationOptions options, IAnsiConsole console, TimeProvider time)
{
    private static readonly TimeSpan QuietWindow = TimeSpan.FromSeconds(2);
    private readonly TextWriter _output = console.Profile.Out.Writer;

    private TimeSpan Deadline => TimeSpan.FromSeconds(60) + TimeSpan.FromMilliseconds(200 * options.Lab.Nodes);

    /// <summary>Runs it. Answers the exit code: 0 when all nodes converged, 1 when not.</summary>
    /// <exception cref="LabException">A part of the lab does not start, or the manifest is refused.</exception>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        Print($"QM Fleet lab: {options.Lab.Nodes} emulated nodes, real controller, real agent extensions        (Ctrl-C removes everything)");
        var lab = await LabEnvironment.StartAsync(options.Lab, Started, time, cancellation).ConfigureAwait(false);
        await using (lab.ConfigureAwait(false))
        {
            await LabelAsync(lab, cancellation).ConfigureAwait(false);
            var revision = await ApplyAsync(lab, cancellation).ConfigureAwait(false);
            Print($"  {"apply",-11}{Path.GetRelativePath(".", options.Manifest)} -> {revision}");
            Print("");
            if (!await ConvergeAsync(lab, cancellation).ConfigureAwait(false))
            {
                return 1;
            }

            var quiet = !options.ProveQuiet || await IsQuietAsync(lab, cancellation).ConfigureAwait(false);
            if (!options.Once)
            {
                await StayAsync(lab, cancellation).ConfigureAwait(false);
            }

            return quiet ? 0 : 1;
        }
    }

    private static async Task LabelAsync(LabEnvironment lab, CancellationToken cancellation)
    {
        var request = new ApplyNodesRequest
        {
            Nodes = { lab.Nodes.Select(node => new Node { Metadata = new() { Name = node.Name, Labels = { ["zone"] = "cockpit" } }, Spec = new() { Site = "local" } }) },
        };
        await new NodeService.NodeServiceClient(lab.Channel).ApplyAsync(request, cancellationToken: cancellation).ConfigureAwait(false);
    }

    // As a user does it, through the command line client; answers the fleets with their revisions.
    private async Task<string> ApplyAsync(LabEnvironment lab, CancellationToken cancellation)
    {
        var (exitCode, output) = await lab.RunCliAsync(["apply", "-f", options.Manifest, "--no-wait"], cancellation).ConfigureAwait(false);
        if (exitCode != 0)
        {
            throw new LabException($"qmfleet apply -f {options.Manifest} ended with {exitCode}:\n{output.TrimEnd()}");
        }

        var fleets = await new FleetService.FleetServiceClient(lab.Channel).ListAsync(new ListFleetsRequest(), cancellationToken: cancellation).ConfigureAwait(false);
        return string.Join("; ", fleets.Fleets.Select(fleet => $"fleet {fleet.Metadata.Name}, revision {fleet.Status.Revision}"));
    }

    private async Task<bool> ConvergeAsync(LabEnvironment lab, CancellationToken cancellation)
    {
        IReadOnlyCollection<Node> nodes = [];
        try
        {
            await Screen.For(console).ShowAsync(async show => nodes = await new NodeWatch(lab.Channel).UntilAllAsync(
                lab.Nodes.Count, NodeWatch.HasConverged, show, Deadline, "every node has converged", time, cancellation).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (LabException e)
        {
            Print("");
            Print($"  Not converged: {e.Message}");
            Print(options.Lab.Keep is null ? "  Run it again with --keep DIR to look at the logs." : $"  Logs: {lab.Directory.Logs}");
            return false;
        }

        var slowest = nodes.Max(node => node.Status.ConvergedAfter?.ToTimeSpan() ?? TimeSpan.Zero);
        Print("");
        Print(string.Create(CultureInfo.InvariantCulture, $"  Converged in {slowest.TotalSeconds:0.0} s. Every value above was read back from the node."));
        if (options.Bench)
        {
            Print(string.Create(CultureInfo.InvariantCulture,
                $"  Bench: {lab.Nodes.Count} nodes, apply accepted -> all converged {slowest.TotalMilliseconds:0} ms, controller {ResidentMemory.Of(lab.Controller)} MiB, agents {ResidentMemory.Of(lab.Agents)}"));
        }

        return true;
    }

    // Applying the same again must change nothing; the agents get to look and the controller to look around before it is believed.
    private async Task<bool> IsQuietAsync(LabEnvironment lab, CancellationToken cancellation)
    {
        var (files, calls) = (OwnedFiles.Of(lab.Nodes.Select(node => node.Root)), lab.Counters.Counts.ToDictionary());
        await ApplyAsync(lab, cancellation).ConfigureAwait(false);
        var heardAfter = time.GetUtcNow() + QuietWindow;
        await new NodeWatch(lab.Channel).PollUntilAllAsync(
            lab.Nodes.Count, node => NodeWatch.HasConverged(node) && node.Status.LookedAt?.ToDateTimeOffset() >= heardAfter,
            Deadline, "every agent looked at its node again", time, cancellation).ConfigureAwait(false);

        var newCalls = lab.Counters.Counts.Where(count => count.Value != calls.GetValueOrDefault(count.Key)).Select(count => $"{count.Key.Method} on {count.Key.Node}").ToArray();
        var writes = OwnedFiles.Of(lab.Nodes.Select(node => node.Root)).ChangesSince(files);
        Print($"  Second apply: {newCalls.Length} mutating D-Bus calls, {writes.Count} file writes");
        foreach (var line in newCalls.Concat(writes))
        {
            Print($"    {line}");
        }

        return newCalls.Length == 0 && writes.Count == 0;
    }

    // Shows what happens until Ctrl-C.
    private async Task StayAsync(LabEnvironment lab, CancellationToken cancellation)
    {
        var cli = Path.GetRelativePath(".", Programs.Cli);
        var shown = cli.StartsWith("..", StringComparison.Ordinal) ? Programs.Cli : cli;
        Print($"  Serving {lab.Endpoint} and {lab.Server}");
        Print("  Try, in another terminal:");
        Print($"    export QMFLEET_SERVER={lab.Server}");
        Print($"    {shown} get nodes");
        Print($"    {shown} apply -f {Path.Combine(Path.GetDirectoryName(Path.GetRelativePath(".", options.Manifest)) ?? ".", "cockpit-tight.yaml")}");
        Print($"    {shown} lab fault {lab.Nodes[Math.Min(1, lab.Nodes.Count - 1)].Name} crash-loop");
        Print($"    {shown} lab clear");
        if (!lab.HasRealBlueChi)
        {
            Print($"    {string.Join(' ', Programs.Lab)} counters --lab {lab.Directory.Root}");
        }

        Print("");
        var steps = new StepLines(_output);
        await new NodeWatch(lab.Channel).UntilAllAsync(lab.Nodes.Count, _ => false, steps.Show, Timeout.InfiniteTimeSpan, "", time, cancellation).ConfigureAwait(false);
    }

    private void Started(string part, string text, TimeSpan took) =>
        Print(string.Create(CultureInfo.InvariantCulture, $"  {part,-11}{text,-42}{took.TotalSeconds:0.0} s"));

    private void Print(string line) => _output.WriteLine(line);
}
