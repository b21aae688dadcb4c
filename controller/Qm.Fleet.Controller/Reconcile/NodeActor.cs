using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.V1;
using Command = Qm.Fleet.V1.Command;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>How an act ended.</summary>
/// <param name="Outcome">Whether it was done.</param>
/// <param name="Detail">What was said about it; empty when it was done.</param>
internal readonly record struct ActResult(ActOutcome Outcome, string Detail)
{
    internal static ActResult Done { get; } = new(ActOutcome.Done, "");
}

/// <summary>Carries out one act on one node, through the agent extension or through BlueChi.</summary>
internal sealed class NodeActor(IAgentLinks agents, BlueChiLink blueChi)
{
    // Staging may run the quadlet generator; everything else on the node is a handful of small files.
    private static readonly TimeSpan AgentDeadline = TimeSpan.FromSeconds(30);

    // Longer than the agent extension itself waits for systemd.
    private static readonly TimeSpan RestartDeadline = TimeSpan.FromSeconds(60);

    /// <summary>Carries out an act; an outcome nobody can tell is Unknown, never an exception.</summary>
    internal async Task<ActResult> DoAsync(string node, NodeStep.Act act, CancellationToken ct)
    {
        try
        {
            return act switch
            {
                NodeStep.Stage stage => await SendAsync(node, new() { Stage = ToWire(stage.Revision) }, ct),
                NodeStep.Commit commit => await SendAsync(node, new() { Commit = new() { Revision = commit.Revision, ConfirmWithinMs = (long)commit.ConfirmWithin.TotalMilliseconds } }, ct),
                NodeStep.Confirm confirm => await SendAsync(node, new() { Confirm = new() { Revision = confirm.Revision } }, ct),
                NodeStep.RestartHostAgent => await SendAsync(node, new() { RestartHostAgent = new() }, ct, RestartDeadline),
                _ when blueChi.Current is { } current => await DoAsync(current, node, act, ct),
                _ => new(ActOutcome.Unknown, blueChi.NotConnectedBecause),
            };
        }
        catch (AgentUnreachableException e)
        {
            return new(ActOutcome.Unknown, e.Message);
        }
        catch (Exception e) when (e is NodeOfflineException or BlueChi.OutcomeUnknownException or ConnectionLostException)
        {
            return new(ActOutcome.Unknown, e.Message);
        }
        catch (BlueChiException e)
        {
            return new(ActOutcome.Refused, e.Message);
        }
    }

    /// <summary>Asks the agent extension for a fresh report; it has arrived when this returns, unless the agent was lost.</summary>
    internal async Task InspectAsync(string node, CancellationToken ct)
    {
        try
        {
            await agents.SendAsync(node, new() { Inspect = new() }, AgentDeadline, ct);
        }
        catch (AgentUnreachableException)
        {
            // The link says so itself, and the next look finds no evidence.
        }
    }

    private static async Task<ActResult> DoAsync(IBlueChi current, string node, NodeStep.Act act, CancellationToken ct)
    {
        var qm = QmNode.NameFor(node);
        switch (act)
        {
            case NodeStep.SetLimits limits:
                await current.SetUnitPropertiesAsync(node, QmNode.Unit, runtime: true, [.. limits.Properties.Select(ToWire)], ct);
                return ActResult.Done;
            case NodeStep.ReloadHost:
                await current.ReloadAsync(node, ct);
                return ActResult.Done;
            case NodeStep.StartQm:
                await current.ReloadAsync(node, ct);
                return ToResult(await current.StartUnitAsync(node, QmNode.Unit, ct), node, QmNode.Unit);
            case NodeStep.RestartQm:
                await current.ReloadAsync(node, ct);
                return ToResult(await current.RestartUnitAsync(node, QmNode.Unit, ct), node, QmNode.Unit);
            case NodeStep.RestartQmAgent:
                // The agent that would report the end of the job is the one that ends: unknown is the expected answer here,
                // and the agent's start time tells the rest.
                return await current.RestartUnitAsync(qm, QmNode.AgentUnit, ct) is { Result: JobResult.Failed or JobResult.Refused } failed
                    ? ToResult(failed, qm, QmNode.AgentUnit)
                    : ActResult.Done;
            case NodeStep.StopWorkload stop:
                var stopped = ToResult(await current.StopUnitAsync(qm, stop.Unit, ct), qm, stop.Unit);
                await current.ReloadAsync(qm, ct);
                return stopped;
            case NodeStep.RunWorkload run:
                await current.ReloadAsync(qm, ct);
                return ToResult(run.Restart
                    ? await current.RestartUnitAsync(qm, run.Unit, ct)
                    : await current.StartUnitAsync(qm, run.Unit, ct), qm, run.Unit);
            default:
                throw new ArgumentOutOfRangeException(nameof(act), act.Name, "an act without a hand to do it");
        }
    }

    private async Task<ActResult> SendAsync(string node, Command command, CancellationToken ct, TimeSpan? deadline = null)
    {
        var result = await agents.SendAsync(node, command, deadline ?? AgentDeadline, ct);
        return result.Ok ? ActResult.Done
            : new(result.Reason is "NoSpace" or "InputOutputError" or "FileSystemError" or "NotStaged" or "RestartFailed" or "ArchiveUnavailable" ? ActOutcome.Failed : ActOutcome.Refused,
                $"{result.Reason}: {result.Message}");
    }

    internal static Stage ToWire(RenderedRevision revision)
    {
        var stage = new Stage { Revision = revision.Name, RootfsPreinstalled = revision.Environment.RootfsPreinstalled };
        if (revision.Environment.RootfsArchive is { } archive)
        {
            stage.RootfsArchive = new() { Url = archive.Url, Sha256 = archive.Sha256 };
        }

        stage.Files.AddRange(revision.Files.Select(file => new OwnedFile
        {
            Kind = (OwnedFile.Types.Kind)file.Id.Kind,
            Name = file.Id.Name,
            Content = file.Content,
        }));
        return stage;
    }

    private static UnitProperty ToWire(Core.Resources.LiveProperty property) => new(
        property.Name, property.CpuMask is { } mask ? PropertyValue.From(mask) : PropertyValue.From(property.Number));

    private static ActResult ToResult(JobOutcome outcome, string node, string unit) => outcome.Result switch
    {
        JobResult.Done => ActResult.Done,
        JobResult.Failed => new(ActOutcome.Failed, $"the job of {unit} ended '{outcome.Detail}'; the journal of {node} says why: journalctl -u {unit}"),
        JobResult.Refused => new(ActOutcome.Refused, outcome.Detail),
        _ => new(ActOutcome.Unknown, outcome.Detail),
    };
}
