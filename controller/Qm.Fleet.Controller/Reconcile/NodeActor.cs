using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Secrets;
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

    // What systemd, BlueChi or an agent extension said goes into steps, conditions and events.
    private const int MostOfDetail = 2000;

    /// <summary>Carries out an act; an outcome nobody can tell is Unknown, never an exception.</summary>
    internal async Task<ActResult> DoAsync(string node, NodeStep.Act act, CancellationToken ct)
    {
        var result = await TryAsync(node, act, ct);
        return result with { Detail = ForeignText.FitSentence(result.Detail, MostOfDetail) };
    }

    private async Task<ActResult> TryAsync(string node, NodeStep.Act act, CancellationToken ct)
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

    // One that did not end well does not keep what follows from being done: a unit that would not stop is still to be forgotten by systemd.
    private static async Task<ActResult> DoAsync(IBlueChi current, string node, NodeStep.Act act, CancellationToken ct)
    {
        var result = ActResult.Done;
        foreach (var call in NodeCall.Of(act, node))
        {
            var one = await CallAsync(current, call, ct);
            result = result.Outcome == ActOutcome.Done ? one : result;
        }

        return result;
    }

    private static async Task<ActResult> CallAsync(IBlueChi current, NodeCall call, CancellationToken ct)
    {
        switch (call)
        {
            case NodeCall.Reload reload:
                await current.ReloadAsync(reload.Node, ct);
                return ActResult.Done;
            case NodeCall.SetFrozen { Frozen: true } freeze:
                await current.FreezeUnitAsync(freeze.Node, freeze.Unit, ct);
                return ActResult.Done;
            case NodeCall.SetFrozen thaw:
                await current.ThawUnitAsync(thaw.Node, thaw.Unit, ct);
                return ActResult.Done;
            case NodeCall.ResetFailed reset:
                await current.ResetFailedUnitAsync(reset.Node, reset.Unit, ct);
                return ActResult.Done;
            case NodeCall.SetProperties set:
                await current.SetUnitPropertiesAsync(set.Node, set.Unit, runtime: true, [.. set.Properties.Select(ToWire)], ct);
                return ActResult.Done;
            case NodeCall.Job job:
                var outcome = job.Verb switch
                {
                    JobVerb.Start => await current.StartUnitAsync(job.Node, job.Unit, ct),
                    JobVerb.Stop => await current.StopUnitAsync(job.Node, job.Unit, ct),
                    _ => await current.RestartUnitAsync(job.Node, job.Unit, ct),
                };
                // Where the agent that would report the end is the one that ends, unknown is the expected answer, and the unit's start time tells the rest.
                return job.EndsItsReporter && outcome.Result == JobResult.Unknown ? ActResult.Done : ToResult(outcome, job.Node, job.Unit);
            default:
                throw new ArgumentOutOfRangeException(nameof(call), call, "a call without a hand to make it");
        }
    }

    private async Task<ActResult> SendAsync(string node, Command command, CancellationToken ct, TimeSpan? deadline = null)
    {
        var result = await agents.SendAsync(node, command, deadline ?? AgentDeadline, ct);
        return result.Ok ? ActResult.Done
            : new(result.Reason is "NoSpace" or "InputOutputError" or "FileSystemError" or "NotStaged" or "RestartFailed" or "ArchiveUnavailable" or "CertificateRefused" ? ActOutcome.Failed : ActOutcome.Refused,
                $"{result.Reason}: {result.Message}");
    }

    internal static Stage ToWire(RenderedRevision revision)
    {
        var stage = new Stage { Revision = revision.Name, RootfsPreinstalled = revision.Environment.RootfsPreinstalled };
        if (revision.Environment.RootfsArchive is { } archive)
        {
            stage.RootfsArchive = new() { Url = archive.Url.Reveal(), Sha256 = archive.Sha256 };
        }

        stage.Files.AddRange(revision.Files.Select(file => new OwnedFile
        {
            Kind = (OwnedFile.Types.Kind)file.Id.Kind,
            Name = file.Id.Name,
            Content = file.Content,
        }));
        return stage;
    }

    internal static UnitProperty ToWire(Core.Resources.LiveProperty property) => new(property.Name, property switch
    {
        { CpuMask: { } mask } => PropertyValue.From(mask),
        { Devices: { } devices } => PropertyValue.From(devices.ByPath),
        { Word: { } word } => PropertyValue.From(word),
        { Scale: { } scale } => PropertyValue.From(scale),
        { Switch: { } isOn } => PropertyValue.From(isOn),
        _ => PropertyValue.From(property.Number),
    });

    private static ActResult ToResult(JobOutcome outcome, string node, string unit) => outcome.Result switch
    {
        JobResult.Done => ActResult.Done,
        JobResult.Failed => new(ActOutcome.Failed, $"the job of {unit} ended '{outcome.Detail}'; the journal of {node} says why: journalctl -u {unit}"),
        JobResult.Refused => new(ActOutcome.Refused, outcome.Detail),
        _ => new(ActOutcome.Unknown, outcome.Detail),
    };
}
